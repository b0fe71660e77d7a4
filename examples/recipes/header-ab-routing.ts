/**
 * Header-based A/B routing: testers choose the new platform with X-Platform, some user agents stay on the old one, and
 * of everybody else a fixed share of callers goes to the new one, each always to the same.
 */
import type { Handler, SIPMsg } from '@siplet/engine/script'

const PLATFORMS = { old: 'sip:192.0.2.21:5060', new: 'sip:192.0.2.22:5060' }
/** User agents that are known to fail on the new one. */
const OLD_ONLY = /^OldPhone\/[12]\./
/** Percent of the callers. */
const SHARE_OF_NEW = 20

class HeaderABRouting implements Handler {
  child_init(_rank: number): number {
    return 0
  }

  request_route(msg: SIPMsg): number {
    const platform = this.#platform(msg)
    msg.set_dst_uri(PLATFORMS[platform])
    msg.setHeader('X-Platform', platform) // so that later hops, and logs, know
    return 1
  }

  #platform(msg: SIPMsg): 'old' | 'new' {
    if (OLD_ONLY.test(msg.getHeader('User-Agent') ?? '')) return 'old'
    const wanted = msg.getHeader('X-Platform')
    if (wanted === 'old' || wanted === 'new') return wanted
    return percentile(msg.FromURI ?? '') < SHARE_OF_NEW ? 'new' : 'old'
  }
}

/** 0 to 99, always the same for one text. */
function percentile(text: string): number {
  let hash = 0
  for (let at = 0; at < text.length; at++) hash = (hash * 31 + text.charCodeAt(at)) % 1_000_003
  return hash % 100
}

export function mod_init(): HeaderABRouting {
  return new HeaderABRouting()
}

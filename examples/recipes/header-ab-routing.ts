/**
 * Header-based A/B routing: testers choose a platform with X-Platform, and some user agents stay on the old one. A
 * fixed share of all other callers uses the new platform; each caller always uses the same one.
 */
import type { Handler, SIPMsg } from '@siplet/engine/script'

const PLATFORMS = { old: 'sip:192.0.2.21:5060', new: 'sip:192.0.2.22:5060' }
/** User agents that do not work on the new platform. */
const OLD_ONLY = /^OldPhone\/[12]\./
/** Percentage of callers. */
const SHARE_OF_NEW = 20

class HeaderABRouting implements Handler {
  child_init(_rank: number): number {
    return 0
  }

  request_route(msg: SIPMsg): number {
    const platform = this.#platform(msg)
    msg.set_dst_uri(PLATFORMS[platform])
    msg.setHeader('X-Platform', platform) // so that later hops and logs see it
    return 1
  }

  #platform(msg: SIPMsg): 'old' | 'new' {
    if (OLD_ONLY.test(msg.getHeader('User-Agent') ?? '')) return 'old'
    const wanted = msg.getHeader('X-Platform')
    if (wanted === 'old' || wanted === 'new') return wanted
    return percentile(msg.FromURI ?? '') < SHARE_OF_NEW ? 'new' : 'old'
  }
}

/** Returns 0 to 99, always the same for the same text. */
function percentile(text: string): number {
  let hash = 0
  for (let at = 0; at < text.length; at++) hash = (hash * 31 + text.charCodeAt(at)) % 1_000_003
  return hash % 100
}

export function mod_init(): HeaderABRouting {
  return new HeaderABRouting()
}

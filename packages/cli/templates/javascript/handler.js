// @ts-check
/** @import { SIPMsg } from '@siplet/engine/script' */

const GATEWAY = 'sip:192.0.2.49:5060'

class Router {
  calls = 0 // state lives as long as the child, and is its own

  /** @param {number} rank */
  child_init(rank) {
    LM_INFO(`child ${rank} is ready`) // shown with --log-level info
    return 0
  }

  /**
   * > 0: relay, 0: stop, < 0: refuse.
   *
   * @param {SIPMsg} msg
   */
  request_route(msg) {
    if (msg.Method !== 'INVITE') return 1
    this.calls++
    if (msg.getHeader('User-Agent') === 'friendly-scanner') return -1
    if (msg.RURI.startsWith('sip:00')) msg.rewrite_ruri(msg.RURI.replace('sip:00', 'sip:+'))
    msg.set_dst_uri(GATEWAY)
    return 1
  }

  /** @param {SIPMsg} msg */
  onreply_route(msg) {
    if (Number(msg.Status) >= 500) LM_WARN(`${msg.CSeqMethod} was answered with ${msg.Status} ${msg.Reason}`)
    return 1
  }
}

export function mod_init() {
  return new Router()
}

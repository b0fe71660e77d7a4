import type { Handler, SIPMsg } from '@siplet/engine/script'

const GATEWAY = 'sip:192.0.2.49:5060'

class Router implements Handler {
  calls = 0 // state lives as long as the child, and is its own

  child_init(rank: number): number {
    LM_INFO(`child ${rank} is ready`) // shown with --log-level info
    return 0
  }

  /** > 0: relay, 0: stop, < 0: refuse. */
  request_route(msg: SIPMsg): number {
    if (msg.Method !== 'INVITE') return 1
    this.calls++
    if (msg.getHeader('User-Agent') === 'friendly-scanner') return -1
    if (msg.RURI.startsWith('sip:00')) msg.rewrite_ruri(msg.RURI.replace('sip:00', 'sip:+'))
    msg.set_dst_uri(GATEWAY)
    return 1
  }

  onreply_route(msg: SIPMsg): number {
    if (Number(msg.Status) >= 500) LM_WARN(`${msg.CSeqMethod} was answered with ${msg.Status} ${msg.Reason}`)
    return 1
  }
}

export function mod_init(): Router {
  return new Router()
}

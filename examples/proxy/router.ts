/**
 * A router to two back ends, without a registrar. Numbers decide which back end is tried first; if that fails, the
 * other one is tried. It is not an open relay: a request that does not come from a back end is sent to a back end.
 * Start it with `siplet serve examples/proxy/proxy.yaml`.
 */
import type { Handler, SIPMsg } from '@siplet/engine/script'

const BACK_ENDS: [even: string, odd: string] = ['sip:127.0.0.1:5071', 'sip:127.0.0.1:5072']

class Router implements Handler {
  child_init(_rank: number): number {
    return 0
  }

  request_route(msg: SIPMsg): number {
    if (msg.call_function('mf_process_maxfwd_header', 10) < 0) {
      return msg.call_function('sl_send_reply', 483, 'Too Many Hops')
    }
    if (msg.call_function('has_totag') > 0) return this.within_dialog(msg)
    // An ACK that belongs to a dialog has a To tag. An ACK is never answered.
    if (msg.Method === 'ACK') return 0
    if (msg.call_function('loose_route') > 0) {
      return msg.call_function('sl_send_reply', 403, 'Preload Route Denied')
    }
    if (msg.Method === 'REGISTER') return msg.call_function('sl_send_reply', 403, 'No Registrar Here')
    if (msg.Method === 'INVITE') {
      msg.call_function('record_route')
      msg.call_function('t_on_failure', 'failover')
    }
    msg.set_dst_uri(BACK_ENDS[first(msg.RURI)])
    return msg.call_function('t_relay')
  }

  /** Routes a request of a dialog. It has the Route that record_route added. Anybody can write a To tag and a Route. */
  within_dialog(msg: SIPMsg): number {
    const routed = msg.call_function('loose_route') > 0
    if (routed && isBackEnd(msg.src_address)) return msg.call_function('t_relay')
    const hop = msg.getHeader('Route') ?? msg.RURI
    const backEnd = routed ? BACK_ENDS.find((uri) => hop.includes(uri.slice('sip:'.length))) : undefined
    if (backEnd === undefined) {
      return msg.Method === 'ACK' ? 0 : msg.call_function('sl_send_reply', 404, 'Not Here')
    }
    msg.set_dst_uri(backEnd)
    return msg.call_function('t_relay')
  }

  /** Tries the other back end if the first one is down or overloaded. If the callee is busy, does nothing. */
  failover(msg: SIPMsg): number {
    if (msg.call_function('t_check_status', '408|50[0-9]') < 0) return 1
    msg.set_dst_uri(BACK_ENDS[first(msg.originalRURI) === 0 ? 1 : 0])
    msg.call_function('append_branch')
    return msg.call_function('t_relay')
  }

  onreply_route(msg: SIPMsg): number {
    msg.removeHeader('Server')
    return 1
  }
}

/** Returns whether the address is that of a back end. Back ends send from the address at which they listen. */
function isBackEnd([ip, port]: SIPMsg['src_address']): boolean {
  return BACK_ENDS.includes(`sip:${ip}:${port}`)
}

/** Returns the back end to try first: 0 for even numbers, 1 for odd numbers. */
function first(ruri: string): 0 | 1 {
  const digits = ruri.replace(/@.*$/, '').replace(/\D/g, '')
  return Number(digits.at(-1) ?? 0) % 2 === 0 ? 0 : 1
}

export function mod_init(): Router {
  return new Router()
}

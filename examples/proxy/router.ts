/**
 * A router to two back ends, without a registrar: numbers decide which one is asked first, the other one is asked where
 * that fails. `siplet serve examples/proxy/proxy.yaml`.
 */
import type { Handler, SIPMsg } from '@siplet/engine/script'

const BACK_ENDS = ['sip:127.0.0.1:5071', 'sip:127.0.0.1:5072']

class Router implements Handler {
  child_init(_rank: number): number {
    return 0
  }

  request_route(msg: SIPMsg): number {
    if (msg.call_function('mf_process_maxfwd_header', 10) < 0) {
      return msg.call_function('sl_send_reply', 483, 'Too Many Hops')
    }
    if (msg.call_function('loose_route') > 0) return msg.call_function('t_relay')
    if (msg.ToTag !== null && msg.Method !== 'ACK') {
      return msg.call_function('sl_send_reply', 404, 'Not Here')
    }
    if (msg.Method === 'REGISTER') return msg.call_function('sl_send_reply', 403, 'No Registrar Here')
    if (msg.Method === 'INVITE') {
      msg.call_function('record_route')
      msg.call_function('t_on_failure', 'failover')
    }
    msg.set_dst_uri(BACK_ENDS[first(msg.RURI)])
    return msg.call_function('t_relay')
  }

  /** The other back end, where the first is down or overloaded; who is busy is busy. */
  failover(msg: SIPMsg): number {
    if (msg.call_function('t_check_status', '408|50[0-9]') < 0) return 1
    msg.set_dst_uri(BACK_ENDS[1 - first(msg.originalRURI)])
    msg.call_function('append_branch')
    return msg.call_function('t_relay')
  }

  onreply_route(msg: SIPMsg): number {
    msg.removeHeader('Server')
    return 1
  }
}

/** Even numbers first try back end 0, odd ones back end 1. */
function first(ruri: string): number {
  const digits = ruri.replace(/@.*$/, '').replace(/\D/g, '')
  return Number(digits.at(-1) ?? 0) % 2
}

export function mod_init(): Router {
  return new Router()
}

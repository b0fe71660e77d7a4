/**
 * Routing of a small telephone company: some callers are refused, numbers are converted to one form, and prefixes
 * choose the gateway. `npm start` runs it on the calls in calls.pcapng.
 */
import type { Handler, SIPMsg } from '@siplet/engine/script'

const BLOCKED_CALLERS = ['sip:robocall@example.org']

/** The longest prefix wins. */
const GATEWAYS: [prefix: string, gateway: string][] = [
  ['+4930', 'sip:192.0.2.30:5060'],
  ['+49', 'sip:192.0.2.49:5060'],
  ['+', 'sip:[2001:db8::99]:5060'],
]

class Router implements Handler {
  rank = 0
  calls = 0

  child_init(rank: number): number {
    this.rank = rank
    return 0
  }

  /** 1: relay, 0: stop (the proxy answers), -1: refuse. */
  request_route(msg: SIPMsg): number {
    switch (msg.Method) {
      case 'INVITE':
        return this.#call(msg)
      case 'REGISTER':
      case 'OPTIONS':
        return 0
      default:
        return 1
    }
  }

  onreply_route(msg: SIPMsg): number {
    if (Number(msg.Status) >= 400) LM_INFO(`${msg.CSeqMethod} was answered with ${msg.Status} ${msg.Reason}`)
    msg.removeHeader('Server')
    return 1
  }

  #call(msg: SIPMsg): number {
    this.calls++
    if (BLOCKED_CALLERS.includes(msg.FromURI ?? '')) {
      LM_NOTICE(`refused call ${this.calls} of child ${this.rank}: ${msg.FromURI}`)
      return -1
    }
    const [, number, rest] = /^sip:([+\d]+)(@.*)$/.exec(msg.RURI) ?? []
    if (number === undefined) return 1
    const international = number.replace(/^00/, '+')
    if (international !== number) msg.rewrite_ruri(`sip:${international}${rest}`)
    const gateway = GATEWAYS.find(([prefix]) => international.startsWith(prefix))
    if (gateway === undefined) return 1
    msg.set_dst_uri(gateway[1])
    msg.setHeader('X-Gateway-Prefix', gateway[0])
    return 1
  }
}

export function mod_init(): Router {
  return new Router()
}

import { checkURI, parseURI, type SIPMessage } from '@siplet/sipmsg'
import { isRoutable } from '../core/checks.ts'
import type { RouteCall } from '../script/route-call.ts'
import type { FunctionHost, ProxyFunction } from './functions.ts'

/**
 * t_relay([flags], [outbound_proxy]): relays with a transaction, to the Request-URI and all appended branches side by
 * side. The outbound proxy is `proto:host:port` or a URI. No flag changes anything here. -1 where the URI is no SIP
 * URI, the request was relayed or answered already, or there are too many branches.
 */
export const tRelay: ProxyFunction = (call, message, [, outboundProxy], host) => {
  const to = destination(outboundProxy)
  // In FAILURE_ROUTE, the branches of before count as well.
  const tooMany = call.failure !== null && branchesOf(call) > host.maxBranches
  return tooMany ? refuseBranch(call, host) : relay(call, message, to, false)
}

/** forward([destination]): relays without state; destination is `host:port` or a URI. */
export const forward: ProxyFunction = (call, message, [to]) => relay(call, message, destination(to), true)

/**
 * append_branch([uri], [q]): one more branch, by default to the Request-URI of this moment; -1 where there are too many.
 * q orders nothing here.
 */
export const appendBranch: ProxyFunction = (call, message, [uri], host) => {
  const target = uri === undefined || uri === '' ? message.ruri! : String(uri)
  checkURI(target)
  const others = call.failure === null || call.appended.length > 0 ? branchesOf(call) : call.failure.tried
  if (others >= host.maxBranches) return refuseBranch(call, host)
  call.appended.push({ uri: target, dstUri: uri ? null : message.dstUri })
  return 1
}

/** drop(): the request, the branch or the provisional reply goes nowhere; -1 for a final reply, which has to. */
export const drop: ProxyFunction = (call, message) => {
  if (call.route === 'ONREPLY_ROUTE' && message.status! >= 200) return -1
  call.dropped = true
  return 1
}

/** t_on_branch(name), t_on_reply(name), t_on_failure(name): the method that the script has for that route. */
export function tOn(route: 'branchRoute' | 'replyRoute' | 'failureRoute'): ProxyFunction {
  return (call, _message, [name], host) => {
    if (typeof name !== 'string' || !host.hasMethod(name)) {
      throw new Error(`the script has no method ${JSON.stringify(name)}`)
    }
    call[route] = name
    return 1
  }
}

/** How many branches the request would have with this relay. */
function branchesOf({ failure, appended }: RouteCall): number {
  return failure === null ? 1 + appended.length : failure.tried + Math.max(1, appended.length)
}

/** As OpenSIPS and Kamailio do: a line in the log, and false. */
function refuseBranch(call: RouteCall, host: FunctionHost): number {
  host.xlog('L_ERR', `no more branches: maxBranches is ${host.maxBranches}`, call)
  return -1
}

function relay(
  call: Parameters<ProxyFunction>[0],
  message: SIPMessage & { dstUri: string | null },
  to: string | null,
  stateless: boolean,
): number {
  const dstUri = to ?? message.dstUri
  const answered = call.replies.some(({ status }) => status >= 200)
  if (call.relay !== null || answered || !isRoutable(parseURI(dstUri ?? message.ruri!))) return -1
  call.relay = { message: message.clone(), dstUri, stateless }
  return 1
}

/** `proto:host:port`, `host:port` or a URI as a URI; null for none. */
function destination(text: string | number | undefined): string | null {
  if (text === undefined || text === '') return null
  const [, transport, rest] = /^(udp|tcp|tls|ws|wss):(.+)$/i.exec(String(text)) ?? []
  const uri = transport === undefined ? String(text) : `sip:${rest};transport=${transport.toLowerCase()}`
  const full = /^sips?:/i.test(uri) ? uri : `sip:${uri}`
  checkURI(full)
  return full
}

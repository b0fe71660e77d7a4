import { isIP } from 'node:net'
import { checkURI, parseURI, plainHost, type SIPMessage, type URI } from '@siplet/sipmsg'
import { nextHop } from '../core/route-set.ts'
import type { RouteCall } from '../script/route-call.ts'
import { isHostName } from '../target/locate.ts'
import type { FunctionHost, ProxyFunction } from './functions.ts'

/**
 * t_relay([flags], [outbound_proxy]): relays with a transaction, to the Request-URI and all appended branches side by
 * side. The outbound proxy is `proto:host:port` or a URI, and goes before set_dst_uri. Flags of OpenSIPS change nothing here;
 * others are an error. -1 where the URI is no SIP
 * URI, the request was relayed or answered already, or there are too many branches.
 */
export const tRelay: ProxyFunction = (call, message, [flags, outboundProxy], host) => {
  checkFlags(flags)
  const to = destination('t_relay', outboundProxy)
  // In FAILURE_ROUTE, the branches of before count as well.
  const tooMany = call.failure !== null && branchesOf(call) > host.maxBranches
  return tooMany ? refuseBranch(call, host) : relay(call, message, to, false)
}

/** forward([destination]): relays without state; destination is `host:port` or a URI. */
export const forward: ProxyFunction = (call, message, [to]) =>
  relay(call, message, destination('forward', to), true)

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

/**
 * drop(): the request, the branch or the provisional reply goes nowhere; -1 for a final reply, which has to, and after
 * t_relay or forward. In OpenSIPS and Kamailio it ends the script, too: what could follow has no effect here, t_relay,
 * forward, t_reply and sl_send_reply return -1.
 */
export const drop: ProxyFunction = (call, message) => {
  if (call.relay !== null || (call.route === 'ONREPLY_ROUTE' && message.status! >= 200)) return -1
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

/** Whether the URI has a host that can be reached: an address, or a name as DNS has them. */
function hasHost(uri: URI | null): boolean {
  return uri !== null && (isIP(plainHost(uri.host)) !== 0 || isHostName(uri.host))
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
  const decided = call.relay !== null || call.dropped || call.replies.some(({ status }) => status >= 200)
  if (decided || nextHop(message, dstUri) === null) return -1
  call.relay = { message: message.clone(), dstUri, stateless }
  return 1
}

/** Flags of OpenSIPS's t_relay. This proxy does what they ask for in any case, or has nothing that they could change. */
const FLAGS = ['no-auto-477', 'no-dns-failover', 'pass-reason-hdr', 'allow-no-cancel']

/** @throws Error for a flag that OpenSIPS does not have either: mostly the destination, given as the first argument */
function checkFlags(flags: string | number | undefined): void {
  if (flags === undefined || flags === '') return
  const known = typeof flags === 'number' ? flags >= 0 && flags < 32 : /^(?:0x)?[\da-f]{1,2}$/i.test(flags)
  if (
    known ||
    String(flags)
      .split(',')
      .every((flag) => FLAGS.includes(flag.trim()))
  )
    return
  throw new Error(
    `t_relay(): ${JSON.stringify(flags)} is no flag: these are ${FLAGS.join(', ')}. A destination is the second argument: t_relay('', 'udp:192.0.2.1:5060')`,
  )
}

/** `proto:host:port`, `host:port` or a URI as a URI; null for none. */
function destination(name: string, text: string | number | undefined): string | null {
  if (text === undefined || text === '') return null
  const [, transport, rest] = /^(udp|tcp|tls|ws|wss):(.+)$/i.exec(String(text)) ?? []
  const uri = transport === undefined ? String(text) : `sip:${rest};transport=${transport.toLowerCase()}`
  const full = /^sips?:/i.test(uri) ? uri : `sip:${uri}`
  if (hasHost(parseURI(full))) return full
  throw new Error(
    `${name}(): ${JSON.stringify(text)} is no destination; write one such as udp:192.0.2.1:5060 or sip:192.0.2.1`,
  )
}

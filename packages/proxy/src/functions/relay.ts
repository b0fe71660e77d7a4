import { isIP } from 'node:net'
import { checkURI, parseURI, plainHost, type SIPMessage, type URI } from '@siplet/sipmsg'
import { nextHop } from '../core/route-set.ts'
import type { RouteCall } from '../script/route-call.ts'
import { isHostName } from '../target/locate.ts'
import type { FunctionHost, ProxyFunction } from './proxy-function.ts'

/**
 * t_relay([flags], [outbound_proxy]): relays with a transaction, to the Request-URI and all appended branches in
 * parallel. The outbound proxy is `proto:host:port` or a URI, and takes precedence over set_dst_uri. Flags of OpenSIPS
 * change nothing here; other flags are errors. Returns -1 if the next hop is no SIP URI, if the request was already
 * relayed or answered, or if there are too many branches.
 */
export const tRelay: ProxyFunction = (call, message, [flags, outboundProxy], host) => {
  checkFlags(flags)
  const to = destination('t_relay', outboundProxy)
  // In FAILURE_ROUTE, earlier branches count as well.
  const tooMany = call.failure !== null && branchesOf(call) > host.maxBranches
  return tooMany ? refuseBranch(call, host) : relay(call, message, to, false)
}

/** forward([destination]): relays without state. The destination is `host:port` or a URI. */
export const forward: ProxyFunction = (call, message, [to]) =>
  relay(call, message, destination('forward', to), true)

/**
 * append_branch([uri], [q]): adds a branch, by default to the current Request-URI. Returns -1 if there are too many. q
 * has no effect.
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
 * drop(): discards the request, the branch or the provisional reply. Returns -1 for a final reply, which must be
 * forwarded, and after t_relay or forward. In OpenSIPS and Kamailio, drop also ends the script. Here, later calls of
 * t_relay, forward, t_reply and sl_send_reply return -1 instead.
 */
export const drop: ProxyFunction = (call, message) => {
  if (call.relay !== null || (call.route === 'ONREPLY_ROUTE' && message.status! >= 200)) return -1
  call.dropped = true
  return 1
}

/** t_on_branch(name), t_on_reply(name), t_on_failure(name): set the script's method for that route. */
export function tOn(route: 'branchRoute' | 'replyRoute' | 'failureRoute'): ProxyFunction {
  return (call, _message, [name], host) => {
    if (typeof name !== 'string' || !host.hasMethod(name)) {
      throw new Error(`the script has no method ${JSON.stringify(name)}`)
    }
    call[route] = name
    return 1
  }
}

/** Returns whether the host of the URI can be reached: an address, or a valid DNS name. */
function hasHost(uri: URI | null): boolean {
  return uri !== null && (isIP(plainHost(uri.host)) !== 0 || isHostName(uri.host))
}

/** Returns the number of branches that the request would have after this relay. */
function branchesOf({ failure, appended }: RouteCall): number {
  return failure === null ? 1 + appended.length : failure.tried + Math.max(1, appended.length)
}

/** Refuses a branch as OpenSIPS and Kamailio do: logs a line and returns -1. */
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

/**
 * Flags of OpenSIPS's t_relay. This proxy either does what they ask for anyway, or has nothing that they could change.
 */
const FLAGS = ['no-auto-477', 'no-dns-failover', 'pass-reason-hdr', 'allow-no-cancel']

/**
 * @throws Error for a flag that OpenSIPS does not have. Usually, such a flag is a destination given as the first
 * argument.
 */
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

/** Returns `proto:host:port`, `host:port` or a URI as a URI; null if no destination is given. */
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

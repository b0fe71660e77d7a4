/**
 * Notes the source address in the topmost Via, and derives the target of replies from it (RFC 3261 section 18.2, RFC
 * 3581).
 */
import { isIP } from 'node:net'
import { plainHost, type SIPMessage, type Via } from '@siplet/sipmsg'
import { defaultPort, type Flow, type Target, TRANSPORTS } from './transport.ts'

/**
 * Writes `received` if sent-by differs from the source address, and the value of `rport` if the client asks for it.
 * Only the server may write these two, so the values of the client are removed. Returns whether anything was changed.
 */
export function noteReceived(request: SIPMessage, via: Via, { remote: [ip, port] }: Flow): boolean {
  const { parameters } = via
  const asksForPort = parameters.has('rport')
  if (!asksForPort && isAt(via.host, ip) && !parameters.has('received')) return false
  request.noteReceived(ip, asksForPort ? port : null)
  return true
}

function isAt(host: string, ip: string): boolean {
  return host === ip || (host.startsWith('[') && plainHost(host) === plainHost(ip))
}

/**
 * Returns the target of a reply to a request with this topmost Via, for UDP or if the connection is gone (section
 * 18.2.2). Returns null if the Via names a host instead of an address.
 *
 * `maddr` has no effect, as by default in Kamailio. Otherwise the sender of a request could choose who gets the
 * replies.
 */
export function replyTarget(via: Via): Target | null {
  const transport = TRANSPORTS.find((name) => name === via.transport.toLowerCase())
  if (transport === undefined) return null
  const host = plainHost(via.received ?? via.host)
  if (isIP(host) === 0) return null
  const port = (transport === 'udp' ? via.rport : null) ?? via.port ?? defaultPort(transport)
  return { transport, ip: host, port }
}

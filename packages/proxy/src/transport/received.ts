/** What a server notes in the topmost Via, and where replies go by it (RFC 3261 section 18.2, RFC 3581). */
import { isIP } from 'node:net'
import { plainHost, type SIPMessage, type Via } from '@siplet/sipmsg'
import { defaultPort, type Flow, type Target, TRANSPORTS } from './transport.ts'

/**
 * Writes `received` where sent-by is not where the request came from, and the value of `rport` where it is asked for.
 * Both are the server's to write: what a client says there goes. Returns whether there was anything to write.
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
 * Returns where the reply to a request with this topmost Via goes over UDP, or when its connection is gone (section
 * 18.2.2). Null if the Via names a host, not an address.
 *
 * `maddr` has no effect, as by default in Kamailio: it would let whoever sends a request choose who gets the replies.
 */
export function replyTarget(via: Via): Target | null {
  const transport = TRANSPORTS.find((name) => name === via.transport.toLowerCase())
  if (transport === undefined) return null
  const host = plainHost(via.received ?? via.host)
  if (isIP(host) === 0) return null
  const port = (transport === 'udp' ? via.rport : null) ?? via.port ?? defaultPort(transport)
  return { transport, ip: host, port }
}

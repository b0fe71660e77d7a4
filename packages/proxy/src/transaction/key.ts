/** Which transaction a message belongs to (RFC 3261 sections 17.1.3 and 17.2.3). */
import { createHash } from 'node:crypto'
import { MAGIC_COOKIE, type SIPMessage, type Via } from '@siplet/sipmsg'

/** Longer keys are replaced by their hash. */
const LONGEST_KEY = 512

/** Of a request; the ACK to a reply of 300 and above has the key of its INVITE. */
export function serverKey(request: SIPMessage, via: Via): string {
  const method = request.method === 'ACK' ? 'INVITE' : request.method!
  return keyFor(request, via, method)
}

/** Of the INVITE that a CANCEL is for (section 9.2). */
export function cancelledKey(cancel: SIPMessage, via: Via): string {
  return keyFor(cancel, via, 'INVITE')
}

/** Of a reply, and of the request that it answers. */
export function clientKey(branch: string, method: string): string {
  return `${branch} ${method}`
}

function keyFor(request: SIPMessage, via: Via, method: string): string {
  const { branch } = via
  const sentBy = `${via.host.toLowerCase()}:${via.port ?? ''}`
  if (branch?.startsWith(MAGIC_COOKIE)) return bounded(`${branch} ${sentBy} ${method}`)
  // A client of RFC 2543: by what its retransmissions, its ACK and its CANCEL have in common (section 17.2.3).
  const { originalRURI, fromTag, callId, cseqNumber } = request
  return bounded(JSON.stringify([originalRURI, fromTag, callId, cseqNumber, sentBy, branch, method]))
}

/** A finished transaction keeps its key for half a minute, and a branch can be as long as a datagram. */
function bounded(key: string): string {
  if (key.length <= LONGEST_KEY) return key
  return createHash('sha256').update(key).digest('base64')
}

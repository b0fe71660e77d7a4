/** Keys that tell which transaction a message belongs to (RFC 3261 sections 17.1.3 and 17.2.3). */
import { createHash } from 'node:crypto'
import { MAGIC_COOKIE, type SIPMessage, type Via } from '@siplet/sipmsg'

/** Longest key, in characters. Longer keys are replaced by their hash. */
const LONGEST_KEY = 512

/** Returns the key of a request's server transaction. The ACK to a reply of 300 and above has the key of its INVITE. */
export function serverKey(request: SIPMessage, via: Via): string {
  const method = request.method === 'ACK' ? 'INVITE' : request.method!
  return keyFor(request, via, method)
}

/** Returns the key of the INVITE that a CANCEL refers to (section 9.2). */
export function cancelledKey(cancel: SIPMessage, via: Via): string {
  return keyFor(cancel, via, 'INVITE')
}

/** Returns the key of a client transaction, from a reply or from the request that it answers. */
export function clientKey(branch: string, method: string): string {
  return `${branch} ${method}`
}

function keyFor(request: SIPMessage, via: Via, method: string): string {
  const { branch } = via
  const sentBy = `${via.host.toLowerCase()}:${via.port ?? ''}`
  if (branch?.startsWith(MAGIC_COOKIE)) return bounded(`${branch} ${sentBy} ${method}`)
  // For a client of RFC 2543: everything that retransmissions, ACK and CANCEL have in common with the request (section
  // 17.2.3).
  const { originalRURI, fromTag, callId, cseqNumber } = request
  return bounded(JSON.stringify([originalRURI, fromTag, callId, cseqNumber, sentBy, branch, method]))
}

/**
 * Bounds the memory for a key. A finished transaction keeps its key for half a minute, and a branch can be as long as a
 * datagram.
 */
function bounded(key: string): string {
  if (key.length <= LONGEST_KEY) return key
  return createHash('sha256').update(key).digest('base64')
}

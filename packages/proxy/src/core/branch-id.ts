/**
 * Creates the branch parameters of this proxy (RFC 3261 section 16.6 item 8) and recognises them.
 *
 *   z9hG4bK.t.<loop hash>.<random>                              of a transaction
 *   z9hG4bK.s.<loop hash>.<request hash>.<port>.<check>         without state
 *
 * The loop hash covers everything that decides where a request is sent (RFC 5393 section 4.2). A reply to a transaction
 * is recognised by the whole branch, which nobody can guess. Without state, the request hash is computed from the
 * request, so its retransmissions and its CANCEL get the same branch. The check is keyed with a secret of this process
 * and also covers the Via to which the reply is sent. So nobody else can make the proxy send a reply to an address of
 * their choice.
 */
import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import { MAGIC_COOKIE, type SIPMessage, type Via } from '@siplet/sipmsg'
import { digest } from './digest.ts'

const STATEFUL = `${MAGIC_COOKIE}.t.`
const STATELESS = `${MAGIC_COOKIE}.s.`
const HASH_LENGTH = 16
/** Number of characters of the check: 64 bits. */
const CHECK_LENGTH = 16

export class BranchIds {
  readonly #key = randomBytes(32)

  /** Returns a new branch for a transaction. */
  next(loopHash: string): string {
    return `${STATEFUL}${loopHash}.${randomUUID()}`
  }

  /**
   * Returns the branch for a request that is forwarded without state (section 16.11).
   *
   * @param request the request as received
   * @param via its topmost Via as it is forwarded
   * @param port port of the connection over which the request came, for the reply; 0 for UDP
   */
  stateless(request: SIPMessage, via: Via, port: number): string {
    const { callId, fromTag, cseqNumber } = request
    const made = `${STATELESS}${statelessLoopHash(request)}.${digest([via.toString(), callId, fromTag, cseqNumber])}.${port}`
    // An ACK has no reply, so its branch needs no check.
    return request.method === 'ACK' ? made : `${made}.${this.#check(made, via)}`
  }

  /**
   * Checks that a reply answers a request that this process forwarded without state, and that the reply is addressed to
   * the sender of that request. Returns the port of the connection over which the request came (0 for UDP), or null if
   * the check fails.
   *
   * @param branch branch of the topmost Via
   * @param next the Via after the topmost one
   */
  replyPort(branch: string | null, next: Via): number | null {
    if (branch === null || !branch.startsWith(STATELESS)) return null
    const dot = branch.length - CHECK_LENGTH - 1
    const made = branch.slice(0, dot)
    if (branch.slice(dot) !== `.${this.#check(made, next)}`) return null
    return Number(made.slice(made.lastIndexOf('.') + 1))
  }

  #check(made: string, via: Via): string {
    const { transport, host, port, received, rport, branch, parameters } = via
    const way = [made, transport, host, port, received, rport, branch, parameters.get('maddr')]
    return createHmac('sha256', this.#key).update(JSON.stringify(way)).digest('hex').slice(0, CHECK_LENGTH)
  }
}

/**
 * Returns a hash of everything that routing may depend on. A request that comes back with the same hash is in a loop.
 */
export function loopHash(request: SIPMessage): string {
  const proxy = [request.getHeaderBytes('Proxy-Require'), request.getHeaderBytes('Proxy-Authorization')]
  return digest([...routingParts(request), ...proxy])
}

/**
 * Like {@link loopHash}, for stateless forwarding. Covers only what a CANCEL has in common with its INVITE, because
 * both need the same branch.
 */
function statelessLoopHash(request: SIPMessage): string {
  return digest(routingParts(request))
}

function routingParts(request: SIPMessage): (string | number | null)[] {
  const { originalRURI, callId, fromTag, toTag, cseqNumber } = request
  return [originalRURI, callId, fromTag, toTag, cseqNumber, ...request.getHeadersBytes('Route')]
}

/** Returns whether one of these Via values is ours and has the loop hash of this request. */
export function hasLooped(
  vias: readonly Via[],
  request: { readonly loopHash: string; readonly message: SIPMessage },
  isOurs: (via: Via) => boolean,
): boolean {
  let stateless: string | undefined
  for (const via of vias) {
    const branch = via.branch ?? ''
    if (!branch.startsWith(MAGIC_COOKIE) || !isOurs(via)) continue
    const hash = branch.slice(STATEFUL.length, STATEFUL.length + HASH_LENGTH)
    if (branch.startsWith(STATEFUL) && hash === request.loopHash) return true
    if (!branch.startsWith(STATELESS)) continue
    stateless ??= statelessLoopHash(request.message)
    if (hash === stateless) return true
  }
  return false
}

/**
 * The branch parameters this proxy makes (RFC 3261 section 16.6 item 8): a hash over what decides where a request
 * goes, by which a loop is found out (RFC 5393 section 4.2), and what makes the branch unique.
 *
 *   z9hG4bK . t|s . loop hash . unique part
 *
 * `t` is a branch of a transaction; `s` one without state: its unique part follows from the request, so that a
 * retransmission, and the CANCEL, get the same.
 */
import { randomBytes } from 'node:crypto'
import { MAGIC_COOKIE, type SIPMessage, type Via } from '@siplet/sipmsg'
import { digest } from './digest.ts'

const STATEFUL = `${MAGIC_COOKIE}.t.`
const STATELESS = `${MAGIC_COOKIE}.s.`
const HASH_LENGTH = 16

export class BranchIds {
  readonly #start = randomBytes(6).toString('hex')
  #count = 0

  /** Of one more branch of a transaction. */
  next(loopHash: string): string {
    return `${STATEFUL}${loopHash}.${this.#start}${(this.#count++).toString(36)}`
  }
}

/** Without state (section 16.11): from the branch the request came with. */
export function statelessBranch(loopHash: string, request: SIPMessage, via: Via): string {
  const { callId, fromTag, cseqNumber } = request
  return `${STATELESS}${loopHash}.${digest([via.toString(), callId, fromTag, cseqNumber])}`
}

export function isStateless(branch: string | null): boolean {
  return branch?.startsWith(STATELESS) ?? false
}

/** Over what routing may depend on: when a request comes back with all of it unchanged, it loops. */
export function loopHash(request: SIPMessage): string {
  const { originalRURI, callId, fromTag, toTag, cseqNumber } = request
  const routes = request.getHeadersBytes('Route')
  const proxy = [request.getHeaderBytes('Proxy-Require'), request.getHeaderBytes('Proxy-Authorization')]
  return digest([originalRURI, callId, fromTag, toTag, cseqNumber, ...routes, ...proxy])
}

/** Whether one of these Via values is ours and was made for a request with that hash. */
export function hasLooped(
  vias: readonly Via[],
  hashOf: () => string,
  isOurs: (via: Via) => boolean,
): boolean {
  const ours = vias.filter((via) => via.branch?.startsWith(MAGIC_COOKIE) && isOurs(via))
  if (ours.length === 0) return false
  const current = hashOf()
  return ours.some(({ branch }) => branch!.slice(STATEFUL.length, STATEFUL.length + HASH_LENGTH) === current)
}

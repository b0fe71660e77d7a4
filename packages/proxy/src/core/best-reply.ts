/** Which of the final replies of all branches goes upstream (RFC 3261 section 16.7 item 6). */
import { REASONS, type SIPMessage } from '@siplet/sipmsg'

/** What a branch ended with: the reply of a peer, or the status that stands for a time-out or a failure. */
export interface FinalReply {
  readonly status: number
  /** Null for what the proxy found out itself. */
  readonly message: SIPMessage | null
}

/** 4xx that tell the client how to try again come before others. */
const TELLING = [401, 407, 415, 420, 484]

/** 6xx, then the lowest class. There must be one at least. */
export function bestReply(replies: readonly FinalReply[]): FinalReply {
  return replies.reduce((best, reply) => (rank(reply.status) < rank(best.status) ? reply : best))
}

/** Adds to a 401 or 407 the challenges of the other ones (item 7). */
export function aggregateChallenges(best: FinalReply, replies: readonly FinalReply[]): void {
  if (best.message === null || (best.status !== 401 && best.status !== 407)) return
  for (const { message, status } of replies) {
    if (message === null || message === best.message || (status !== 401 && status !== 407)) continue
    for (const name of ['WWW-Authenticate', 'Proxy-Authenticate']) {
      for (const challenge of message.getHeaders(name)) best.message.appendHeader(name, challenge)
    }
  }
}

/** A 503 says that this very hop is overloaded: upstream, it would be about us (item 6). */
export function statusUpstream(status: number): number {
  return status === 503 ? 500 : status
}

export function reasonOf(status: number): string {
  return REASONS[status] ?? ''
}

function rank(status: number): number {
  const group = Math.floor(status / 100)
  if (group === 6) return 0
  if (status === 503) return 599
  return group * 100 + (TELLING.includes(status) ? 0 : 1)
}

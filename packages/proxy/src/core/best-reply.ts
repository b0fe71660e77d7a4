/** Chooses which final reply of all branches is sent upstream (RFC 3261 section 16.7 item 6). */
import { REASONS, SIPMessage } from '@siplet/sipmsg'

/** The result of a branch: the reply of a peer, or the status that stands for a timeout or a failure. */
export interface FinalReply {
  readonly status: number
  /** Null if the proxy itself determined the status. */
  readonly message: SIPMessage | null
  /** What the proxy found wrong. For the log. */
  readonly why?: string
}

/** 4xx statuses that tell the client how to try again. They are preferred over other 4xx. */
const TELLING = [401, 407, 415, 420, 484]

/** Returns a 6xx if there is one, otherwise a reply of the lowest class. `replies` must not be empty. */
export function bestReply(replies: readonly FinalReply[]): FinalReply {
  return replies.reduce((best, reply) => (rank(reply.status) < rank(best.status) ? reply : best))
}

/**
 * Upper bound on the challenges of other branches, together. Further challenges are left out, so that the reply still
 * fits in a datagram.
 */
const MAX_CHALLENGE_BYTES = 16_384

/**
 * Returns the best reply with the challenges of all other 401 and 407 replies added (item 7), byte for byte. Challenges
 * that contain NUL are left out: a header cannot contain it.
 */
export function withAllChallenges(best: SIPMessage, replies: readonly FinalReply[]): SIPMessage {
  let lines = ''
  for (const { message, status } of replies) {
    if (message === null || message === best || (status !== 401 && status !== 407)) continue
    for (const name of ['WWW-Authenticate', 'Proxy-Authenticate']) {
      for (const challenge of message.getHeadersBytes(name)) {
        const line = `${name}: ${challenge}\r\n`
        if (!challenge.includes('\0') && lines.length + line.length <= MAX_CHALLENGE_BYTES) lines += line
      }
    }
  }
  if (lines === '') return best
  const { text } = best
  const end = text.search(/\r?\n\r?\n/)
  if (end === -1) return best
  const headers = text.indexOf('\n', end) + 1
  return new SIPMessage(text.slice(0, headers) + lines + text.slice(headers))
}

/**
 * Returns the status to send upstream. 503 becomes 500: upstream, a 503 would say that this proxy is overloaded (item
 * 6).
 */
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

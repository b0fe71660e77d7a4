/** Which of the final replies of all branches goes upstream (RFC 3261 section 16.7 item 6). */
import { REASONS, SIPMessage } from '@siplet/sipmsg'

/** What a branch ended with: the reply of a peer, or the status that stands for a time-out or a failure. */
export interface FinalReply {
  readonly status: number
  /** Null for what the proxy found out itself. */
  readonly message: SIPMessage | null
  /** For the log: what the proxy found out. */
  readonly why?: string
}

/** 4xx that tell the client how to try again come before others. */
const TELLING = [401, 407, 415, 420, 484]

/** 6xx, then the lowest class. There must be one at least. */
export function bestReply(replies: readonly FinalReply[]): FinalReply {
  return replies.reduce((best, reply) => (rank(reply.status) < rank(best.status) ? reply : best))
}

/** Challenges of other branches, together: what is beyond is left out, so that the reply still fits a datagram. */
const MAX_CHALLENGE_BYTES = 16_384

/**
 * The best reply with the challenges of the other 401 and 407 added to its own (item 7), byte for byte. Those that could
 * not stand in a header, since NUL is in them, are left out.
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

/** `--dedupe`: counts a message and its retransmissions over UDP as one message. */
import { hash } from 'node:crypto'
import type { CapturedMessage } from '../capture/index.ts'

/** Timer B of RFC 3261 section 17.1.1.2, 64 * T1, in seconds: nobody retransmits for longer. */
const WINDOW_S = 32

/**
 * Recognises retransmissions: the same bytes (so the same branch and CSeq) over UDP, from the same source to the same
 * destination, within 32 s of the first. Keeps a hash of each message of the last 32 s.
 */
export class Retransmissions {
  /** For each hash, the time of its first message, oldest first. */
  readonly #seen = new Map<string, number>()

  isRepeated({ transport, src, dst, bytes, time }: CapturedMessage): boolean {
    if (transport !== 'udp') return false
    const now = Number(time)
    for (const [key, first] of this.#seen) {
      if (now - first <= WINDOW_S) break
      this.#seen.delete(key)
    }
    const key = `${src.join()} ${dst.join()} ${hash('sha1', bytes, 'base64')}`
    const first = this.#seen.get(key)
    if (first !== undefined && now - first <= WINDOW_S) return true
    this.#seen.delete(key)
    this.#seen.set(key, now)
    return false
  }
}

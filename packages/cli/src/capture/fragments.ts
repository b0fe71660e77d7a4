/** Reassembly of IP fragments (RFC 791 section 3.2, RFC 8200 section 4.5), in bounded memory. */

const MAX_DATAGRAMS = 1_024
const MAX_BYTES = 32 * 1_024 * 1_024
/** Memory for one piece in addition to its bytes. */
const PIECE_OVERHEAD = 256
const MAX_DATAGRAM_BYTES = 65_535

/** Identification values are reused, so pieces further apart in time belong to different datagrams (RFC 8200: 60 s). */
const MAX_AGE_SECONDS = 60

interface Partial {
  /** Sorted by offset, without overlaps. */
  pieces: { offset: number; data: Buffer }[]
  /** Bytes of all pieces. */
  bytes: number
  /** Number of fragments seen. */
  fragments: number
  /** Length of the whole datagram. Undefined until the last piece is seen. */
  length: number | undefined
  /** Capture time of the first piece. */
  seconds: number
}

export class Fragments {
  readonly #partials = new Map<string, Partial>()
  /** Bytes of memory in use. */
  #held = 0
  #dropped = 0

  /** Returns the number of fragments given up since the last call. */
  takeDropped(): number {
    const dropped = this.#dropped
    this.#dropped = 0
    return dropped
  }

  /** Gives up all waiting fragments, and returns the count of {@link takeDropped}. */
  end(): number {
    for (const [key, partial] of this.#partials) this.#drop(key, partial)
    return this.takeDropped()
  }

  /**
   * Adds one fragment. If pieces overlap, the earlier bytes are kept, as in most stacks.
   *
   * @param key the same for all fragments of one datagram
   * @param offset offset of the piece in the datagram, in bytes
   * @param seconds capture time
   * @returns the payload of the datagram if this piece completes it
   */
  add(key: string, offset: number, more: boolean, data: Buffer, seconds: number): Buffer | undefined {
    if (offset + data.length > MAX_DATAGRAM_BYTES) {
      this.#dropped++
      return undefined
    }
    let partial = this.#partials.get(key)
    if (partial !== undefined && Math.abs(seconds - partial.seconds) > MAX_AGE_SECONDS) {
      this.#drop(key, partial)
      partial = undefined
    }
    if (partial === undefined) {
      partial = { pieces: [], bytes: 0, fragments: 0, length: undefined, seconds }
      this.#partials.set(key, partial)
    }
    partial.fragments++
    const before = held(partial)
    insert(partial, offset, data)
    this.#held += held(partial) - before
    if (!more) partial.length ??= offset + data.length
    const { length, pieces } = partial
    const last = pieces.at(-1)
    if (length !== undefined && last !== undefined && last.offset + last.data.length > length) {
      // Bytes beyond the end: pieces of different datagrams, or an attack.
      this.#drop(key, partial)
    } else if (length === partial.bytes) {
      this.#forget(key, partial)
      return Buffer.concat(pieces.map((piece) => piece.data))
    } else this.#evict()
    return undefined
  }

  #drop(key: string, partial: Partial): void {
    this.#dropped += partial.fragments
    this.#forget(key, partial)
  }

  #forget(key: string, partial: Partial): void {
    this.#partials.delete(key)
    this.#held -= held(partial)
  }

  /** Drops the oldest first. */
  #evict(): void {
    for (const [key, partial] of this.#partials) {
      if (this.#partials.size <= MAX_DATAGRAMS && this.#held <= MAX_BYTES) return
      this.#drop(key, partial)
    }
  }
}

function held({ bytes, pieces }: Partial): number {
  return bytes + pieces.length * PIECE_OVERHEAD
}

/** Inserts those bytes that the existing pieces do not cover. */
function insert(partial: Partial, offset: number, data: Buffer): void {
  const { pieces } = partial
  // Search from the end: most pieces arrive in order.
  let index = pieces.length
  while (index > 0 && pieces[index - 1]!.offset > offset) index--
  const before = pieces[index - 1]
  let at = before === undefined ? offset : Math.max(offset, before.offset + before.data.length)
  const end = offset + data.length
  while (at < end) {
    const next = pieces[index]
    const until = Math.min(end, next?.offset ?? end)
    if (until > at) {
      // Copied: a view would keep its whole chunk of the file in memory until the other pieces arrive.
      pieces.splice(index, 0, { offset: at, data: Buffer.from(data.subarray(at - offset, until - offset)) })
      partial.bytes += until - at
      index++
    }
    if (next === undefined) return
    at = Math.max(at, next.offset + next.data.length)
    index++
  }
}

/** Reassembly of IP fragments (RFC 791 section 3.2, RFC 8200 section 4.5), in bounded memory. */

const MAX_DATAGRAMS = 1_024
const MAX_BYTES = 32 * 1_024 * 1_024
/** What a piece takes beside its bytes. */
const PIECE_OVERHEAD = 256
const MAX_DATAGRAM_BYTES = 65_535

/** Identification fields are used again: pieces further apart in time are of different datagrams (RFC 8200: 60 s). */
const MAX_AGE_SECONDS = 60

interface Partial {
  /** In order, none overlapping another. */
  pieces: { offset: number; data: Buffer }[]
  /** Of the pieces: bytes. */
  bytes: number
  /** Fragments that were seen. */
  fragments: number
  /** Length of the whole, once the last piece was seen. */
  length: number | undefined
  /** When the first piece was captured. */
  seconds: number
}

export class Fragments {
  readonly #partials = new Map<string, Partial>()
  /** Bytes of memory. */
  #held = 0
  #dropped = 0

  /** Fragments that will never become a datagram, since the last call. */
  takeDropped(): number {
    const dropped = this.#dropped
    this.#dropped = 0
    return dropped
  }

  /** Gives up on all that are waiting, and returns as {@link takeDropped} does. */
  end(): number {
    for (const [key, partial] of this.#partials) this.#drop(key, partial)
    return this.takeDropped()
  }

  /**
   * Takes one fragment. Where pieces overlap, what came first stays, as most stacks do.
   *
   * @param key what all fragments of one datagram share
   * @param offset of the piece in the datagram: bytes
   * @param seconds time of capture
   * @returns the payload of the datagram, once this piece completes it
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
      // Bytes behind the end: pieces of different datagrams, or somebody's attack.
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

  /** The oldest go first. */
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

/** Inserts what the pieces there are do not have yet. */
function insert(partial: Partial, offset: number, data: Buffer): void {
  const { pieces } = partial
  // From the end: most come in order.
  let index = pieces.length
  while (index > 0 && pieces[index - 1]!.offset > offset) index--
  const before = pieces[index - 1]
  let at = before === undefined ? offset : Math.max(offset, before.offset + before.data.length)
  const end = offset + data.length
  while (at < end) {
    const next = pieces[index]
    const until = Math.min(end, next?.offset ?? end)
    if (until > at) {
      // A copy: the view would keep its whole chunk of the file alive until the other pieces come.
      pieces.splice(index, 0, { offset: at, data: Buffer.from(data.subarray(at - offset, until - offset)) })
      partial.bytes += until - at
      index++
    }
    if (next === undefined) return
    at = Math.max(at, next.offset + next.data.length)
    index++
  }
}

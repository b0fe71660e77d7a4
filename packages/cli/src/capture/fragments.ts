/** Reassembly of IP fragments (RFC 791 section 3.2, RFC 8200 section 4.5), in bounded memory. */

const MAX_DATAGRAMS = 1_024
const MAX_BYTES = 32 * 1_024 * 1_024
const MAX_DATAGRAM_BYTES = 65_535

interface Partial {
  pieces: { offset: number; data: Buffer }[]
  bytes: number
  /** Length of the whole, once the last piece was seen. */
  length: number | undefined
}

export class Fragments {
  readonly #partials = new Map<string, Partial>()
  #bytes = 0
  #dropped = 0

  /** Fragments that never became a datagram, those still waiting included. */
  get incomplete(): number {
    let waiting = 0
    for (const partial of this.#partials.values()) waiting += partial.pieces.length
    return this.#dropped + waiting
  }

  /**
   * Takes one fragment.
   *
   * @param key what all fragments of one datagram share
   * @param offset of the piece in the datagram: bytes
   * @returns the payload of the datagram, once this piece completes it
   */
  add(key: string, offset: number, more: boolean, data: Buffer): Buffer | undefined {
    if (offset + data.length > MAX_DATAGRAM_BYTES) {
      this.#dropped++
      return undefined
    }
    let partial = this.#partials.get(key)
    if (partial === undefined) {
      partial = { pieces: [], bytes: 0, length: undefined }
      this.#partials.set(key, partial)
    }
    // A copy: the view would keep its whole chunk of the file alive until the other pieces come.
    partial.pieces.push({ offset, data: Buffer.from(data) })
    partial.bytes += data.length
    this.#bytes += data.length
    if (!more) partial.length = offset + data.length
    const whole = assemble(partial)
    if (whole !== undefined) this.#forget(key, partial)
    else this.#evict()
    return whole
  }

  #forget(key: string, partial: Partial): void {
    this.#partials.delete(key)
    this.#bytes -= partial.bytes
  }

  /** The oldest go first. */
  #evict(): void {
    for (const [key, partial] of this.#partials) {
      if (this.#partials.size <= MAX_DATAGRAMS && this.#bytes <= MAX_BYTES) return
      this.#dropped += partial.pieces.length
      this.#forget(key, partial)
    }
  }
}

/** Where pieces overlap, what came first stays, as most stacks do. */
function assemble({ pieces, bytes, length }: Partial): Buffer | undefined {
  if (length === undefined || bytes < length) return undefined
  const inOrder = pieces.toSorted((a, b) => a.offset - b.offset)
  let covered = 0
  for (const { offset, data } of inOrder) {
    if (offset > covered) return undefined
    covered = Math.max(covered, offset + data.length)
  }
  if (covered < length) return undefined
  const whole = Buffer.alloc(covered)
  for (const { offset, data } of pieces.toReversed()) data.copy(whole, offset)
  return whole.subarray(0, length)
}

/**
 * Upper bound on the bytes that finished transactions keep. A finished transaction answers retransmissions for half a
 * minute (RFC 3261 section 17). Without the bound, memory would grow with the rate and the size of requests.
 */

/** Something that keeps messages only to answer the same message again. */
export interface MessageKeeper {
  /** Releases the messages. Later retransmissions are still recognised, but get no answer. */
  forgetMessages(): void
}

/** Counts the bytes of each keeper. If the sum exceeds the bound, the oldest keepers forget their messages first. */
export class KeptMessages {
  readonly #maxBytes: number
  readonly #bytesOf = new Map<MessageKeeper, number>()
  #bytes = 0
  /** Continues where the last eviction ended: a new iterator would walk over all deleted entries again. */
  #oldest = this.#bytesOf.keys()

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Bytes of all keepers. */
  get bytes(): number {
    return this.#bytes
  }

  /** Records how many bytes a keeper keeps. The keeper may be told to forget them at once. */
  keep(keeper: MessageKeeper, bytes: number): void {
    this.release(keeper)
    this.#bytesOf.set(keeper, bytes)
    this.#bytes += bytes
    while (this.#bytes > this.#maxBytes) {
      const { value, done } = this.#oldest.next()
      if (done === true) this.#oldest = this.#bytesOf.keys()
      else if (this.release(value)) value.forgetMessages()
    }
  }

  /** Records that a keeper keeps nothing any more. Returns whether it kept something. */
  release(keeper: MessageKeeper): boolean {
    const bytes = this.#bytesOf.get(keeper)
    if (bytes === undefined) return false
    this.#bytes -= bytes
    return this.#bytesOf.delete(keeper)
  }
}

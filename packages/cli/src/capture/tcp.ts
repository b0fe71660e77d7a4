/** TCP reassembly (RFC 9293) of captured traffic: nothing can be requested again, and memory is bounded. */

/** The fields of a segment that reassembly needs. */
export interface TCPSegment {
  sequence: number
  /** Undefined if the ACK bit is not set. */
  acknowledgement: number | undefined
  syn: boolean
  /** Whether FIN or RST is set: nothing follows. */
  last: boolean
  payload: Buffer
  /** Length of the payload as sent. It exceeds the captured length if the capture cut the frame short. */
  length: number
}

const HEADER_LENGTH = 20
const FLAG = { FIN: 1, SYN: 2, RST: 4, ACK: 16 } as const

/**
 * @param data the segment as captured
 * @param length length of the segment as sent, in bytes
 * @returns null if the header contradicts the length
 */
export function readSegment(data: Buffer, length: number): TCPSegment | null {
  if (data.length < HEADER_LENGTH) return null
  const offset = (data[12]! >> 4) * 4
  if (offset < HEADER_LENGTH || offset > length) return null
  const flags = data[13]!
  return {
    sequence: data.readUInt32BE(4),
    acknowledgement: flags & FLAG.ACK ? data.readUInt32BE(8) : undefined,
    syn: (flags & FLAG.SYN) !== 0,
    last: (flags & (FLAG.FIN | FLAG.RST)) !== 0,
    payload: data.subarray(offset),
    length: length - offset,
  }
}

/** Receives the bytes of one direction of a connection in order. `A` is the type of a place in the capture. */
export interface ByteSink<A> {
  data(bytes: Buffer, at: A): void
  /** Called if bytes are missing before the next ones. */
  gap(): void
  end(): void
  /** Number of bytes it keeps. */
  readonly held: number
}

interface Waiting<A> {
  sequence: number
  payload: Buffer
  length: number
  at: A
}

/** Upper bound on the bytes of segments that wait for a missing one. Beyond it, the missing segment counts as lost. */
const MAX_WAITING_BYTES = 1_024 * 1_024
/**
 * If two segments are further apart than this number of bytes, they are not of one connection: no window is that large.
 */
const MAX_DISTANCE = 64 * 1_024 * 1_024
/** Memory for a waiting segment in addition to its bytes. */
const WAITING_OVERHEAD = 128

/** One direction of a connection. If segments overlap, the earlier bytes are kept. */
export class TCPStream<A> {
  readonly sink: ByteSink<A>
  /** Returns a copy of a place in the capture that may be kept. */
  readonly #keep: (at: A) => A
  #next: number | undefined
  /** Sorted by sequence number. None begins before #next. */
  #waiting: Waiting<A>[] = []
  #waitingBytes = 0

  constructor(sink: ByteSink<A>, keep: (at: A) => A) {
    this.sink = sink
    this.#keep = keep
  }

  /** Number of bytes kept. */
  get held(): number {
    return this.#waitingBytes + this.sink.held
  }

  read({ sequence, syn, last, payload, length }: TCPSegment, at: A): void {
    let first = sequence
    if (syn) {
      first = (first + 1) >>> 0
      if (this.#next !== undefined && first !== this.#next) {
        const repeated = Math.abs(distance(first, this.#next)) <= MAX_DISTANCE && length === 0 && !last
        // The SYN of a connection that already has data is a retransmission. A SYN with another number starts a new
        // connection.
        if (repeated && distance(first, this.#next) < 0) return
        this.flush()
        this.sink.end()
      }
      this.#next = first
    }
    this.#next ??= first
    if (Math.abs(distance(first, this.#next)) > MAX_DISTANCE) this.#restart(first)
    if (length > 0) this.#take({ sequence: first, payload, length, at })
    if (last && this.#waiting.length === 0) this.sink.end()
  }

  /** The other side has acknowledged all bytes before this number. Bytes that are still missing were not captured. */
  acknowledged(number: number): void {
    const first = this.#waiting[0]
    if (first === undefined) return
    const end = first.sequence + first.length
    if (distance(number, end) >= 0 && distance(number, end) <= MAX_DISTANCE) this.#skipGap()
  }

  /** Delivers all waiting segments, across all gaps. */
  flush(): void {
    while (this.#waiting.length > 0) this.#skipGap()
  }

  #take(segment: Waiting<A>): void {
    if (distance(segment.sequence, this.#next!) <= 0) {
      this.#deliver(segment, segment.at)
      this.#drain(segment.at)
      return
    }
    const { payload, length, sequence } = segment
    // Search from the end: most segments arrive in order.
    let index = this.#waiting.length
    while (index > 0 && distance(this.#waiting[index - 1]!.sequence, sequence) > 0) index--
    const before = this.#waiting[index - 1]
    if (before !== undefined && distance(sequence + length, before.sequence + before.length) <= 0) return
    // Copied: a view would keep its whole chunk of the file in memory.
    const kept = { sequence, length, payload: Buffer.from(payload), at: this.#keep(segment.at) }
    this.#waiting.splice(index, 0, kept)
    this.#waitingBytes += payload.length + WAITING_OVERHEAD
    while (this.#waitingBytes > MAX_WAITING_BYTES) this.#skipGap()
  }

  #deliver({ sequence, payload, length }: Waiting<A>, at: A): void {
    const old = -distance(sequence, this.#next!)
    if (old >= length) return
    this.#next = (sequence + length) >>> 0
    if (old < payload.length) this.sink.data(old === 0 ? payload : payload.subarray(old), at)
    if (payload.length < length) this.sink.gap()
  }

  /**
   * Delivers segments that waited for the bytes before #next. They become complete with the segment captured at `at`.
   */
  #drain(at: A): void {
    let count = 0
    for (const segment of this.#waiting) {
      if (distance(segment.sequence, this.#next!) > 0) break
      this.#waitingBytes -= segment.payload.length + WAITING_OVERHEAD
      this.#deliver(segment, at)
      count++
    }
    if (count > 0) this.#waiting.splice(0, count)
  }

  #skipGap(): void {
    const [first] = this.#waiting
    this.#next = first!.sequence
    this.sink.gap()
    let count = 0
    // Each segment belongs to its own frame, because no later frame completed it.
    for (const segment of this.#waiting) {
      if (distance(segment.sequence, this.#next) > 0) break
      this.#waitingBytes -= segment.payload.length + WAITING_OVERHEAD
      this.#deliver(segment, segment.at)
      count++
    }
    this.#waiting.splice(0, count)
  }

  #restart(sequence: number): void {
    this.flush()
    this.sink.gap()
    this.#next = sequence
  }
}

/** Returns the distance from b to a. Sequence numbers may wrap around. */
function distance(a: number, b: number): number {
  return (a - b) | 0
}

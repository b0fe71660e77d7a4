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

/**
 * A missing segment that the other side has acknowledged was lost on the way to the capture, or it comes late: machines
 * with several receive queues write frames in a wrong order. Number of segments for which it is waited.
 */
const MAX_LATE_SEGMENTS = 16
/** The same, in seconds of capture time. */
const MAX_LATE_SECONDS = 1
/** If a SYN repeats one that was not captured, the captured data begins within this number of bytes after it. */
const MAX_DATA_BEFORE_SYN = 1_024 * 1_024

/** One direction of a connection. If segments overlap, the earlier bytes are kept. */
export class TCPStream<A> {
  readonly sink: ByteSink<A>
  /** Returns a copy of a place in the capture that may be kept. */
  readonly #keep: (at: A) => A
  /** The first sequence number after the SYN. Without a SYN: of the first segment. */
  #initial: number | undefined
  #hasSYN = false
  #next: number | undefined
  /** Sequence number of a FIN or RST. The connection ends when all bytes before it have come. */
  #end: number | undefined
  /** Whether a FIN or RST has ended the connection. */
  #hasEnded = false
  /** The first sequence number of another connection with these ports. A segment with this number starts it. */
  #successor: number | undefined
  /** Sorted by sequence number. None begins before #next. */
  #waiting: Waiting<A>[] = []
  #waitingBytes = 0
  /** Since the other side acknowledged waiting segments: segments that came, and the time of the first. */
  #lateSegments = 0
  #lateSince: number | undefined

  constructor(sink: ByteSink<A>, keep: (at: A) => A) {
    this.sink = sink
    this.#keep = keep
  }

  /** Number of bytes kept. */
  get held(): number {
    return this.#waitingBytes + this.sink.held
  }

  /** @param seconds capture time */
  read(segment: TCPSegment, at: A, seconds: number): void {
    const { syn, last, payload, length } = segment
    const first = syn ? (segment.sequence + 1) >>> 0 : segment.sequence
    if (syn) this.#synchronise(first, length > 0)
    else if (first === this.#successor) this.#startOver(first)
    if (this.#next === undefined) this.#initial = this.#next = first
    if (length > 0) {
      this.#hasEnded = false
      if (Math.abs(distance(first, this.#next)) > MAX_DISTANCE) this.#restart(first)
      this.#take({ sequence: first, payload, length, at })
      this.#giveUpLate(1, seconds)
    }
    // RFC 5961: a RST outside of the window is forged, or of an older connection with these ports.
    const end = (first + length) >>> 0
    const ahead = distance(end, this.#next)
    if (last && ahead >= 0 && ahead <= MAX_DISTANCE) this.#end = end
    if (this.#end === this.#next) {
      this.#hasEnded = true
      this.#finish()
    }
  }

  /**
   * The other side has acknowledged all bytes before this number. Bytes that are still missing after a while were not
   * captured.
   *
   * @param seconds capture time
   */
  acknowledged(number: number, seconds: number): void {
    const first = this.#waiting[0]
    if (first === undefined) return
    const beyond = distance(number, first.sequence + first.length)
    if (beyond < 0 || beyond > MAX_DISTANCE) return
    this.#lateSince ??= seconds
    this.#giveUpLate(0, seconds)
  }

  #giveUpLate(segments: number, seconds: number): void {
    if (this.#lateSince === undefined) return
    this.#lateSegments += segments
    const isLost =
      this.#lateSegments > MAX_LATE_SEGMENTS || Math.abs(seconds - this.#lateSince) > MAX_LATE_SECONDS
    if (isLost && this.#waiting.length > 0) this.#skipGap()
  }

  /** @param first the sequence number after a SYN */
  #synchronise(first: number, hasData: boolean): void {
    if (this.#next === undefined || first === this.#initial) {
      this.#hasSYN = true
      return
    }
    const before = distance(this.#next, first)
    if (!this.#hasSYN && before > 0 && before <= MAX_DATA_BEFORE_SYN) {
      this.#hasSYN = true
      this.#initial = first
    }
    // With data (RFC 7413) or after an end, another connection begins. Otherwise, the SYN may be forged, or late.
    else if (hasData || this.#hasEnded) this.#startOver(first)
    else this.#successor = first
  }

  #startOver(first: number): void {
    this.flush()
    this.#finish()
    this.#initial = this.#next = first
    this.#hasSYN = true
    this.#hasEnded = false
  }

  #finish(): void {
    this.#end = this.#successor = undefined
    this.sink.end()
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
    if (count > 0) this.#remove(count)
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
    this.#remove(count)
  }

  /** Removes the first segments. The next gap has its own time to be filled. */
  #remove(count: number): void {
    this.#waiting.splice(0, count)
    this.#lateSegments = 0
    this.#lateSince = undefined
  }

  #restart(sequence: number): void {
    this.flush()
    this.sink.gap()
    this.#end = this.#successor = undefined
    this.#hasSYN = false
    this.#initial = this.#next = sequence
  }
}

/** Returns the distance from b to a. Sequence numbers may wrap around. */
function distance(a: number, b: number): number {
  return (a - b) | 0
}

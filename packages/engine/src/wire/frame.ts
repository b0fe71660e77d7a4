/**
 * Frames between the engine and the pool process, in both directions of a stream.
 *
 *   frame    = u32 number of bytes that follow, u8 kind, u16 rank, u32 number, payload
 *
 *   START    engine → process   number: id of the last call_function; later calls have later numbers; payload: v8.serialize of
 *                               a StartOrder
 *   STARTED                  ←  payload: u32 length, snapshot of the area, JSON of a StartResult
 *   RUN      engine → process   number: number of execs; payload: the batch (wire/request.ts)
 *   MARK                     ←  the batch is still running; payload: snapshot
 *   ENDED                    ←  number: index in RUN_ENDS; payload: snapshot
 *   CALL                     ←  number: id of a call_function; payload: JSON of a FunctionCall
 *   REPLY    engine → process   number: the same id; payload: JSON of a FunctionReply
 *
 * A snapshot is the area up to the last committed record (wire/snapshot.ts). Integers are little-endian. The engine
 * trusts nothing that the process sends: it ends the process after a frame that is malformed or not expected.
 */
const HEADER_LENGTH = 11
const LENGTH_BYTES = 4
const KIND_AT = 4
const RANK_AT = 5

export const KINDS = ['START', 'STARTED', 'RUN', 'MARK', 'ENDED', 'CALL', 'REPLY'] as const
export type FrameKind = (typeof KINDS)[number]

/** Frame kinds by sender. */
export const FROM_ENGINE = ['START', 'RUN', 'REPLY'] as const satisfies readonly FrameKind[]
export const FROM_PROCESS = ['STARTED', 'MARK', 'ENDED', 'CALL'] as const satisfies readonly FrameKind[]

export interface Frame {
  kind: FrameKind
  rank: number
  number: number
  payload: Buffer
}

/** Returns a frame with its payload as one buffer. */
export function encodeFrame(
  kind: FrameKind,
  rank: number,
  number: number,
  ...payload: readonly Uint8Array[]
): Buffer {
  let length = HEADER_LENGTH
  for (const part of payload) length += part.length
  const frame = Buffer.allocUnsafe(length)
  frame.writeUInt32LE(length - LENGTH_BYTES, 0)
  frame[4] = KINDS.indexOf(kind)
  frame.writeUInt16LE(rank, 5)
  frame.writeUInt32LE(number, 7)
  let at = HEADER_LENGTH
  for (const part of payload) {
    frame.set(part, at)
    at += part.length
  }
  return frame
}

export interface FrameLimits {
  /** Frame kinds that the other side may send. */
  kinds: readonly FrameKind[]
  /** Maximum payload, in bytes. */
  maxPayload: number
  /** Returns whether an incomplete frame of this kind is expected. Without this function, every frame is expected. */
  expects?(kind: FrameKind, rank: number): boolean
}

/**
 * Returns whether one call_function number is later than another. Both are u32 and start again at 0 after 2^32 calls.
 */
export function isLaterCall(number: number, last: number): boolean {
  const ahead = (number - last) >>> 0
  return ahead > 0 && ahead < 2 ** 31
}

/** Splits a stream into frames, independent of how the stream is cut into chunks. After malformed data it stops. */
export class FrameReader {
  readonly #limits: FrameLimits
  readonly #take: (frame: Frame) => void
  readonly #malformed: (what: string) => void
  /**
   * An incomplete frame, in the first `#length` bytes. The chunks themselves are not kept: as a Buffer, a chunk of
   * one byte takes hundreds of bytes.
   */
  #part: Buffer = NOTHING
  #length = 0
  /** Number of bytes that are required before the next check of the incomplete frame. */
  #needed = 0
  #ended = false

  /**
   * @param take called with each frame; the payload is a view of the input
   * @param malformed called at most once, for malformed data; the rest of the stream cannot be parsed then
   */
  constructor(limits: FrameLimits, take: (frame: Frame) => void, malformed: (what: string) => void) {
    this.#limits = limits
    this.#take = take
    this.#malformed = malformed
  }

  push(chunk: Buffer): void {
    let rest = chunk
    while (rest.length > 0 && !this.#ended) {
      if (this.#length > 0) {
        const copied = rest.copy(this.#part, this.#length, 0, this.#needed - this.#length)
        this.#length += copied
        rest = rest.subarray(copied)
        if (this.#length < this.#needed) return
        const bytes = this.#part
        const needed = this.#neededOf(bytes)
        if (needed > this.#length) this.#keep(bytes, needed)
        else if (!this.#ended) {
          this.#part = NOTHING
          this.#length = 0
          this.#takeFrame(bytes)
        }
      } else {
        const needed = this.#neededOf(rest)
        if (needed > rest.length) {
          this.#keep(rest, needed)
          return
        }
        if (this.#ended) return
        const frame = rest.subarray(0, needed)
        rest = rest.subarray(needed)
        this.#takeFrame(frame)
      }
    }
  }

  /**
   * Keeps the beginning of a frame until `needed` bytes have arrived. Ends the stream if the header shows a frame
   * that is not expected.
   */
  #keep(bytes: Buffer, needed: number): void {
    if (bytes.length >= HEADER_LENGTH && this.#limits.expects?.(kindOf(bytes)!, rankOf(bytes)) === false) {
      this.#end(`an unexpected ${kindOf(bytes)}`)
      return
    }
    const part = Buffer.allocUnsafe(needed)
    bytes.copy(part)
    this.#part = part
    this.#length = bytes.length
    this.#needed = needed
  }

  /**
   * Returns the length of a frame that begins with these bytes. Returns 0 and ends the stream if they cannot begin a
   * frame.
   */
  #neededOf(bytes: Buffer): number {
    if (bytes.length < LENGTH_BYTES) return LENGTH_BYTES
    const length = bytes.readUInt32LE(0)
    const payload = length - (HEADER_LENGTH - LENGTH_BYTES)
    // Checks the length before bytes are kept: the other side must not decide how much memory is used here.
    if (payload < 0 || payload > this.#limits.maxPayload) {
      this.#end(`a frame of ${length} bytes`)
      return 0
    }
    if (bytes.length < HEADER_LENGTH) return HEADER_LENGTH
    const kind = kindOf(bytes)
    if (kind === undefined || !this.#limits.kinds.includes(kind)) {
      this.#end(`a frame of kind ${bytes[KIND_AT]}`)
      return 0
    }
    return LENGTH_BYTES + length
  }

  #takeFrame(bytes: Buffer): void {
    this.#take({
      kind: kindOf(bytes)!,
      rank: rankOf(bytes),
      number: bytes.readUInt32LE(7),
      payload: bytes.subarray(HEADER_LENGTH),
    })
  }

  #end(what: string): void {
    this.#ended = true
    this.#part = NOTHING
    this.#length = 0
    this.#malformed(what)
  }
}

const NOTHING = Buffer.alloc(0)

function kindOf(header: Buffer): FrameKind | undefined {
  return KINDS[header[KIND_AT]!]
}

function rankOf(header: Buffer): number {
  return header.readUInt16LE(RANK_AT)
}

/**
 * Engine ↔ pool process: frames on a stream, both ways.
 *
 *   frame    = u32 bytes behind it, u8 kind, u16 rank, u32 number, payload
 *
 *   START    engine → process   number: that of the last call_function, the next one is later; payload: v8.serialize of
 *                               a StartOrder
 *   STARTED                  ←  payload: u32 length, snapshot of the area, JSON of a StartResult
 *   RUN      engine → process   number: messages; payload: the batch (wire/request.ts)
 *   MARK                     ←  a batch is still running; payload: snapshot
 *   ENDED                    ←  number: index in RUN_ENDS; payload: snapshot
 *   CALL                     ←  number: id of a call_function; payload: JSON of a FunctionCall
 *   REPLY    engine → process   number: that id; payload: JSON of a FunctionReply
 *
 * A snapshot is the verdict area up to the last committed record (wire/snapshot.ts). Integers are little-endian. The
 * engine trusts nothing that the process says: a frame that is malformed, or that nobody waits for, ends the process.
 */
const HEADER_LENGTH = 11
const LENGTH_BYTES = 4
const KIND_AT = 4
const RANK_AT = 5

export const KINDS = ['START', 'STARTED', 'RUN', 'MARK', 'ENDED', 'CALL', 'REPLY'] as const
export type FrameKind = (typeof KINDS)[number]

/** Kinds by the side that sends them. */
export const FROM_ENGINE = ['START', 'RUN', 'REPLY'] as const satisfies readonly FrameKind[]
export const FROM_PROCESS = ['STARTED', 'MARK', 'ENDED', 'CALL'] as const satisfies readonly FrameKind[]

export interface Frame {
  kind: FrameKind
  rank: number
  number: number
  payload: Buffer
}

/** The bytes of a frame, in one buffer with its payload. */
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
  /** What the other side may send. */
  kinds: readonly FrameKind[]
  /** Longest payload: bytes. */
  maxPayload: number
  /** Whether a frame that has begun and is not complete is waited for. Without it, any frame is. */
  expects?(kind: FrameKind, rank: number): boolean
}

/** Whether a number of a call_function is later than another: both are u32 that start again from 0 after 2^32 calls. */
export function isLaterCall(number: number, last: number): boolean {
  const ahead = (number - last) >>> 0
  return ahead > 0 && ahead < 2 ** 31
}

/** Takes a stream apart into frames, whatever its chunks are. After something malformed it takes nothing more. */
export class FrameReader {
  readonly #limits: FrameLimits
  readonly #take: (frame: Frame) => void
  readonly #malformed: (what: string) => void
  /**
   * A frame that is not complete, in its first `#length` bytes. Chunks are not kept: one of a byte takes hundreds of
   * bytes as a Buffer.
   */
  #part: Buffer = NOTHING
  #length = 0
  /** Bytes of it that must be there before more can be said of it. */
  #needed = 0
  #ended = false

  /**
   * @param take called with each frame; its payload is a view of what was read
   * @param malformed called at most once, if what was read is no frame; the stream cannot be made sense of then
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

  /** Keeps the beginning of a frame until `needed` bytes are there; its header decides whether they are waited for. */
  #keep(bytes: Buffer, needed: number): void {
    if (bytes.length >= HEADER_LENGTH && this.#limits.expects?.(kindOf(bytes)!, rankOf(bytes)) === false) {
      this.#end(`a ${kindOf(bytes)} that nobody waits for`)
      return
    }
    const part = Buffer.allocUnsafe(needed)
    bytes.copy(part)
    this.#part = part
    this.#length = bytes.length
    this.#needed = needed
  }

  /** How many bytes a frame needs that begins so; 0, and the stream has ended, if it can be none. */
  #neededOf(bytes: Buffer): number {
    if (bytes.length < LENGTH_BYTES) return LENGTH_BYTES
    const length = bytes.readUInt32LE(0)
    const payload = length - (HEADER_LENGTH - LENGTH_BYTES)
    // Before it is waited for: the other side must not decide what is kept here.
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

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
  #chunks: Buffer[] = []
  #length = 0
  /** Bytes of the frame that begins what is there, 0 until they are known. */
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
    if (this.#ended) return
    this.#chunks.push(chunk)
    this.#length += chunk.length
    if (this.#length < Math.max(this.#needed, LENGTH_BYTES)) return
    let bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks)
    this.#needed = 0
    while (bytes.length >= LENGTH_BYTES) {
      const length = bytes.readUInt32LE(0)
      const payload = length - (HEADER_LENGTH - LENGTH_BYTES)
      // Before it is waited for: the other side must not decide what is kept here.
      if (payload < 0 || payload > this.#limits.maxPayload) {
        this.#end(`a frame of ${length} bytes`)
        return
      }
      this.#needed = LENGTH_BYTES + length
      if (bytes.length < this.#needed) break
      const kind = KINDS[bytes[4]!]
      if (kind === undefined || !this.#limits.kinds.includes(kind)) {
        this.#end(`a frame of kind ${bytes[4]}`)
        return
      }
      this.#take({
        kind,
        rank: bytes.readUInt16LE(5),
        number: bytes.readUInt32LE(7),
        payload: bytes.subarray(HEADER_LENGTH, this.#needed),
      })
      bytes = bytes.subarray(this.#needed)
      this.#needed = 0
    }
    this.#chunks = bytes.length === 0 ? [] : [bytes]
    this.#length = bytes.length
  }

  #end(what: string): void {
    this.#ended = true
    this.#chunks = []
    this.#malformed(what)
  }
}

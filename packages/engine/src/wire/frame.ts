/**
 * Engine ↔ pool process: frames on a stream, both ways.
 *
 *   frame    = u32 bytes behind it, u8 kind, u16 rank, u32 number, payload
 *
 *   START    engine → process   payload: v8.serialize of a StartOrder
 *   STARTED                  ←  payload: u32 length, snapshot of the area, v8.serialize of a StartResult
 *   RUN      engine → process   number: messages; payload: the batch (wire/request.ts)
 *   MARK                     ←  a batch is still running; payload: snapshot
 *   ENDED                    ←  number: index in RUN_ENDS; payload: snapshot
 *   CALL                     ←  number: id of a call_function; payload: JSON of a FunctionCall
 *   REPLY    engine → process   number: that id; payload: JSON of a FunctionReply
 *
 * A snapshot is the verdict area up to the last committed record (wire/verdict.ts). Integers are little-endian.
 */
const HEADER_LENGTH = 11
const LENGTH_BYTES = 4

export const KINDS = ['START', 'STARTED', 'RUN', 'MARK', 'ENDED', 'CALL', 'REPLY'] as const
export type FrameKind = (typeof KINDS)[number]

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

/** Takes a stream apart into frames, whatever its chunks are. */
export class FrameReader {
  readonly #take: (frame: Frame) => void
  #chunks: Buffer[] = []
  #length = 0
  /** Bytes of the frame that begins what is there, 0 until they are known. */
  #needed = 0

  constructor(take: (frame: Frame) => void) {
    this.#take = take
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    if (this.#length < Math.max(this.#needed, LENGTH_BYTES)) return
    let bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks)
    this.#needed = 0
    while (bytes.length >= LENGTH_BYTES) {
      this.#needed = LENGTH_BYTES + bytes.readUInt32LE(0)
      if (bytes.length < this.#needed) break
      this.#take({
        kind: KINDS[bytes[4]!]!,
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
}

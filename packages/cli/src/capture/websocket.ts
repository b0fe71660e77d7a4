/** Reads WebSocket frames (RFC 6455 section 5) of one direction of a connection, and assembles them into messages. */
import { MessageInflater } from './permessage-deflate.ts'

export type WebSocketItem =
  | { readonly type: 'message'; readonly payload: Buffer }
  /** A message that is too large, or that cannot be decompressed. */
  | { readonly type: 'skipped' }
  /** The bytes are no frame. Nothing after them can be read. */
  | { readonly type: 'malformed' }

const MAX_MESSAGE_BYTES = 1_024 * 1_024
/** Memory for a piece in addition to its bytes. */
const PIECE_OVERHEAD = 256
const OPCODE = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PONG: 10 } as const
/** Number of payload bytes that {@link beginsWebSocketText} examines. */
const SNIFFED_BYTES = 512

interface Header {
  final: boolean
  compressed: boolean
  opcode: number
  mask: Buffer | undefined
  /** Lengths of header and payload in bytes. */
  headerLength: number
  length: number
}

export class WebSocketFramer {
  #chunks: Buffer[] = []
  #length = 0
  /** Number of bytes that are needed to read further. */
  #needed = 2
  #pieces: Buffer[] = []
  #piecesLength = 0
  /** Whether the current message is left out. */
  #skipping = false
  #open = false
  /** Whether the current message is compressed. */
  #compressed = false
  #inflater: MessageInflater | undefined

  /** Bytes of memory in use. */
  get held(): number {
    const pieces = this.#piecesLength + this.#pieces.length * PIECE_OVERHEAD
    return this.#length + pieces + (this.#inflater?.held ?? 0)
  }

  /** The chunk is kept until its frame is complete. */
  push(chunk: Buffer): WebSocketItem[] {
    const items: WebSocketItem[] = []
    this.#chunks.push(Buffer.from(chunk))
    this.#length += chunk.length
    while (this.#length >= this.#needed) {
      const bytes = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks)
      const header = readHeader(bytes)
      if (header === null) return [...items, { type: 'malformed' }]
      const end = typeof header === 'number' ? header : header.headerLength + header.length
      if (typeof header === 'number' || bytes.length < end) {
        this.#chunks = [bytes]
        this.#needed = end
        break
      }
      this.#frame(header, unmasked(header, bytes, header.length), items)
      const rest = bytes.subarray(end)
      this.#chunks = rest.length === 0 ? [] : [rest]
      this.#length = rest.length
      this.#needed = 2
    }
    return items
  }

  #frame({ final, opcode, compressed }: Header, payload: Buffer, items: WebSocketItem[]): void {
    // Control frames may come between the frames of a message.
    if (opcode >= OPCODE.CLOSE) return
    if (opcode !== OPCODE.CONTINUATION) {
      this.#forget()
      this.#open = true
      this.#compressed = compressed
    } else if (!this.#open) return
    if (this.#piecesLength + payload.length > MAX_MESSAGE_BYTES) this.#skipping = true
    if (this.#skipping) this.#pieces = []
    else if (payload.length > 0) this.#pieces.push(payload)
    this.#piecesLength = this.#skipping ? 0 : this.#piecesLength + payload.length
    if (!final) return
    const message = this.#skipping ? null : this.#decompressed(Buffer.concat(this.#pieces))
    items.push(message === null ? { type: 'skipped' } : { type: 'message', payload: message })
    this.#forget()
  }

  #decompressed(message: Buffer): Buffer | null {
    if (!this.#compressed) return message
    this.#inflater ??= new MessageInflater()
    return this.#inflater.inflate(message, MAX_MESSAGE_BYTES)
  }

  #forget(): void {
    this.#pieces = []
    this.#piecesLength = 0
    this.#open = this.#skipping = false
  }
}

/**
 * Returns the beginning of the payload if the bytes begin with a text or binary frame, to find out what it is. Null
 * otherwise.
 */
export function beginsWebSocketText(bytes: Buffer): Buffer | null {
  const opcode = (bytes[0] ?? 0) & 0x7f
  if (opcode !== OPCODE.TEXT && opcode !== OPCODE.BINARY) return null
  const header = readHeader(bytes)
  return header === null || typeof header === 'number' ? null : unmasked(header, bytes, SNIFFED_BYTES)
}

/** @returns null if the bytes are no header; if there are too few bytes, the number that is needed */
function readHeader(bytes: Buffer): Header | number | null {
  const [first, second] = [bytes[0]!, bytes[1] ?? 0]
  const opcode = first & 0x0f
  const isControl = opcode >= OPCODE.CLOSE
  if ((first & 0x30) !== 0 || opcode > OPCODE.PONG || (opcode > OPCODE.BINARY && !isControl)) return null
  const short = second & 0x7f
  const final = (first & 0x80) !== 0
  if (isControl && (short > 125 || !final)) return null
  const maskAt = short === 127 ? 10 : short === 126 ? 4 : 2
  const headerLength = maskAt + (second & 0x80 ? 4 : 0)
  if (bytes.length < headerLength) return headerLength
  const length =
    short === 127
      ? bytes.readUInt32BE(2) * 2 ** 32 + bytes.readUInt32BE(6)
      : short === 126
        ? bytes.readUInt16BE(2)
        : short
  if (length > MAX_MESSAGE_BYTES) return null
  return {
    final,
    compressed: (first & 0x40) !== 0,
    opcode,
    mask: second & 0x80 ? bytes.subarray(maskAt, headerLength) : undefined,
    headerLength,
    length,
  }
}

/** Returns a copy of at most `limit` bytes of the payload. */
function unmasked({ mask, headerLength, length }: Header, bytes: Buffer, limit: number): Buffer {
  const payload = Buffer.from(bytes.subarray(headerLength, headerLength + Math.min(length, limit)))
  if (mask !== undefined) for (let at = 0; at < payload.length; at++) payload[at]! ^= mask[at & 3]!
  return payload
}

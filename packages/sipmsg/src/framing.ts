/** Finds where messages begin and end: in a stream (RFC 3261 section 18.3), in a datagram or in a WebSocket message. */
import { SIPMessageError } from './errors.ts'
import { SIPMessage } from './message.ts'
import { toText } from './one-byte-text.ts'
import { CR, LF, SLASH } from './scan.ts'
import { findStartLine } from './start-line.ts'

interface MessageFrame {
  readonly type: 'message'
  readonly bytes: Uint8Array
}

/** A double CRLF between messages. A server answers with a single CRLF (RFC 5626 section 3.5.1). */
interface PingFrame {
  readonly type: 'ping'
}

/** Bytes that are no message, or a message that is refused. */
interface ErrorFrame {
  readonly type: 'error'
  readonly error: SIPMessageError
  /** The head of a message that is refused because of its body. It allows the receiver to answer a request. */
  readonly head?: SIPMessage
}

/** One element of a stream. */
export type Frame = MessageFrame | PingFrame | ErrorFrame

/** The content of a datagram. It includes the parsed message, because finding its end required parsing it. */
export type DatagramFrame = (MessageFrame & { readonly message: SIPMessage }) | PingFrame | ErrorFrame

/** Upper bounds on heads in bytes, including the empty line. */
export interface HeadLimits {
  readonly maxHeadBytes: number
  readonly maxReplyHeadBytes: number
}

export interface StreamFramerOptions {
  /** Upper bound on the head of a request in bytes, including the empty line. Default 65,536. */
  maxHeadBytes?: number
  /**
   * Upper bound on the head of a reply in bytes. Default {@link maxHeadBytes}. A reply repeats most headers of its
   * request and adds others. A proxy should therefore accept longer heads in replies: refusing one closes the
   * connection for all of its users.
   */
  maxReplyHeadBytes?: number
  /** Upper bound on Content-Length. Default 1,048,576. */
  maxBodyBytes?: number
  /**
   * What happens after an error. `close` (the default): nothing more is read, because the caller closes the connection.
   * `resync`: bytes are skipped up to the next start line.
   */
  onGarbage?: 'close' | 'resync'
  /**
   * What to do with a message without Content-Length. `refuse`: an error, as section 20.14 says for streams. `no-body`:
   * a message without a body.
   */
  missingContentLength?: 'refuse' | 'no-body'
}

/**
 * Splits a byte stream into messages. The result does not depend on how the stream was cut into chunks. Each byte is
 * examined a bounded number of times.
 */
export class StreamFramer {
  readonly #limits: HeadLimits
  readonly #maxBodyBytes: number
  readonly #resync: boolean
  readonly #noBody: boolean
  /** Bytes start..end of the buffer are not framed yet. */
  #buffer: Uint8Array = new Uint8Array(0)
  #start = 0
  #end = 0
  /** Up to `scanned`, no line end was found. `lineStart` is the start of the current line. */
  #scanned = 0
  #lineStart = 0
  #crlfs = 0
  /** Length of the current message. -1 until its head is complete. */
  #length = -1
  /** Bytes of a refused body that are still to come. */
  #skip = 0
  /** Whether the bytes being read are the rest of a line that is no start line. */
  #discarding = false
  #state: 'between' | 'head' | 'body' | 'garbage' | 'closed' = 'between'

  constructor({
    maxHeadBytes = 65_536,
    maxReplyHeadBytes = maxHeadBytes,
    maxBodyBytes = 1_048_576,
    onGarbage = 'close',
    missingContentLength = 'refuse',
  }: StreamFramerOptions = {}) {
    this.#limits = { maxHeadBytes, maxReplyHeadBytes }
    this.#maxBodyBytes = maxBodyBytes
    this.#resync = onGarbage === 'resync'
    this.#noBody = missingContentLength === 'no-body'
  }

  /** Whether an error ended the stream. Bytes that are pushed after that are ignored. */
  get closed(): boolean {
    return this.#state === 'closed'
  }

  /** Number of bytes kept: the beginning of an incomplete message. */
  get pendingBytes(): number {
    return this.#end - this.#start
  }

  /** Bytes of memory in use: the kept bytes and the free room for more. */
  get heldBytes(): number {
    return this.#buffer.byteLength
  }

  /** Returns the frames that these bytes complete. The caller may reuse the chunk afterwards. */
  push(chunk: Uint8Array): Frame[] {
    const frames: Frame[] = []
    if (this.closed) return frames
    this.#append(chunk)
    while (this.#step(frames)) {
      // Each step reads one frame, one line of garbage, or one keep-alive.
    }
    return frames
  }

  /** Returns the error of a message that the end of the stream cut off. Call it when the stream ends. */
  end(): Frame[] {
    const left = this.#end - this.#start
    const within = this.#state === 'head' || this.#state === 'body'
    this.#state = 'closed'
    return within
      ? [failure('ERR_SIPLET_MESSAGE_TRUNCATED', `the stream ends ${left} bytes into a message`)]
      : []
  }

  #step(frames: Frame[]): boolean {
    switch (this.#state) {
      case 'between':
        return this.#between(frames)
      case 'head':
        return this.#head(frames)
      case 'body':
        return this.#body(frames)
      case 'garbage':
        return this.#garbage()
      case 'closed':
        return false
    }
  }

  /** Skips line ends between messages (section 7.5). Two line ends are a keep-alive. */
  #between(frames: Frame[]): boolean {
    const skipped = Math.min(this.#skip, this.#end - this.#start)
    this.#skip -= skipped
    this.#start += skipped
    if (this.#start === this.#end) return false
    const code = this.#buffer[this.#start]
    if (code === CR && this.#start + 1 === this.#end) return false
    const length = code === LF ? 1 : code === CR && this.#buffer[this.#start + 1] === LF ? 2 : 0
    if (length === 0) {
      this.#crlfs = 0
      this.#begin('head')
      return true
    }
    this.#start += length
    this.#crlfs++
    if (this.#crlfs === 2) {
      this.#crlfs = 0
      frames.push({ type: 'ping' })
    }
    return true
  }

  #begin(state: 'between' | 'head' | 'garbage'): void {
    this.#state = state
    this.#scanned = this.#lineStart = this.#start
  }

  #head(frames: Frame[]): boolean {
    const lineEnd = this.#nextLineEnd()
    const length = (lineEnd === -1 ? this.#end : lineEnd) - this.#start
    const tooLarge = headTooLarge(length, () => this.#buffer[this.#start + 3] === SLASH, this.#limits)
    if (tooLarge !== null) return this.#refuse(frames, tooLarge)
    if (lineEnd === -1) return false
    const line = this.#lineStart
    this.#lineStart = lineEnd
    if (line === this.#start) {
      const text = toText(this.#buffer.subarray(line, lineEnd))
      return findStartLine(text) !== null || this.#refuse(frames, notSIP(text))
    }
    const lineLength = lineEnd - line
    if (lineLength > 2 || (lineLength === 2 && this.#buffer[line] !== CR)) return true
    return this.#headEnd(frames, lineEnd)
  }

  #headEnd(frames: Frame[], end: number): boolean {
    const message = new SIPMessage(toText(this.#buffer.subarray(this.#start, end)))
    const lengths = new Set(message.getHeaders('Content-Length').map((value) => value.trim()))
    const [length] = lengths
    if (lengths.size > 1 || (length === undefined ? !this.#noBody : message.contentLength === null)) {
      const what = length === undefined ? 'no Content-Length' : `Content-Length ${[...lengths].join(' and ')}`
      return this.#refuse(
        frames,
        failure('ERR_SIPLET_FRAMING', `a message on a stream has ${what}: where it ends is unknown`, message),
      )
    }
    const bodyLength = message.contentLength ?? 0
    if (bodyLength > this.#maxBodyBytes) {
      frames.push(
        failure(
          'ERR_SIPLET_BODY_TOO_LARGE',
          `a body has ${bodyLength} bytes, more than ${this.#maxBodyBytes} (maxBodyBytes)`,
          message,
        ),
      )
      if (!this.#resync) return this.#close()
      this.#start = end
      this.#skip = bodyLength
      this.#begin('between')
      return true
    }
    this.#length = end - this.#start + bodyLength
    this.#state = 'body'
    return true
  }

  #body(frames: Frame[]): boolean {
    if (this.#end - this.#start < this.#length) return false
    frames.push({ type: 'message', bytes: this.#buffer.slice(this.#start, this.#start + this.#length) })
    this.#start += this.#length
    this.#begin('between')
    return true
  }

  #refuse(frames: Frame[], frame: Frame): boolean {
    frames.push(frame)
    if (!this.#resync) return this.#close()
    // If the first line is too long, it cannot be a start line and is discarded. Any other line may be one.
    this.#discarding = this.#lineStart === this.#start
    this.#start = this.#lineStart
    this.#begin('garbage')
    return true
  }

  #close(): boolean {
    this.#state = 'closed'
    this.#buffer = new Uint8Array(0)
    this.#start = this.#end = 0
    return false
  }

  /** Skips one line that is no start line, or that is too long to be one. */
  #garbage(): boolean {
    const lineEnd = this.#nextLineEnd()
    const end = lineEnd === -1 ? this.#end : lineEnd
    this.#discarding ||= end - this.#start > this.#limits.maxHeadBytes
    if (lineEnd === -1) {
      if (this.#discarding) this.#start = this.#end
      return false
    }
    if (!this.#discarding && findStartLine(toText(this.#buffer.subarray(this.#start, lineEnd))) !== null) {
      this.#begin('head')
      return true
    }
    this.#discarding = false
    this.#start = lineEnd
    return true
  }

  /** Returns the offset after the next line end; -1 if there is none yet. */
  #nextLineEnd(): number {
    const found = this.#buffer.subarray(0, this.#end).indexOf(LF, this.#scanned)
    this.#scanned = found === -1 ? this.#end : found + 1
    return found === -1 ? -1 : found + 1
  }

  #append(chunk: Uint8Array): void {
    const length = this.#end - this.#start
    if (this.#end + chunk.length > this.#buffer.length) {
      const needed = length + chunk.length
      const buffer = needed * 2 > this.#buffer.length ? new Uint8Array(needed * 2) : this.#buffer
      buffer.set(this.#buffer.subarray(this.#start, this.#end))
      this.#buffer = buffer
      this.#scanned -= this.#start
      this.#lineStart -= this.#start
      this.#start = 0
      this.#end = length
    }
    this.#buffer.set(chunk, this.#end)
    this.#end += chunk.length
  }
}

/**
 * Returns the content of one datagram, or of one WebSocket message (RFC 3261 section 18.3, RFC 7118 section 5): at most
 * one SIP message. Bytes after the body, as given by Content-Length, are left out. A body that is too short is not
 * refused, because the receiver has to answer the request: {@link SIPMessage.truncatedIn} tells whether it is.
 *
 * @param limits upper bounds on heads; by default, any head is accepted
 */
export function frameOf(payload: Uint8Array, limits?: HeadLimits): DatagramFrame {
  const text = toText(payload)
  if (/^[\r\n]+$/.test(text)) return { type: 'ping' }
  if (findStartLine(text) === null) return notSIP(text)
  const message = new SIPMessage(text)
  if (limits !== undefined && text.length > limits.maxHeadBytes) {
    const tooLarge = headTooLarge(message.bodyStart, () => !message.isRequest, limits)
    if (tooLarge !== null) return tooLarge
  }
  const trailing = message.trailingText.length
  // Contradicting Content-Lengths do not tell where the body ends.
  if (trailing === 0 || message.getHeaders('Content-Length').length > 1) {
    return { type: 'message', bytes: payload, message }
  }
  const end = payload.length - trailing
  return { type: 'message', bytes: payload.subarray(0, end), message: new SIPMessage(text.slice(0, end)) }
}

/** Returns the error for a head of that length, in bytes; null if the head is small enough. */
function headTooLarge(length: number, isReply: () => boolean, limits: HeadLimits): ErrorFrame | null {
  const { maxHeadBytes, maxReplyHeadBytes } = limits
  if (length <= Math.min(maxHeadBytes, maxReplyHeadBytes)) return null
  const [name, max] = isReply()
    ? (['maxReplyHeadBytes', maxReplyHeadBytes] as const)
    : (['maxHeadBytes', maxHeadBytes] as const)
  if (length <= max) return null
  return failure('ERR_SIPLET_HEAD_TOO_LARGE', `a head is longer than ${max} bytes (${name})`)
}

function notSIP(text: string): ErrorFrame {
  const line = JSON.stringify(text.slice(0, 60))
  return failure('ERR_SIPLET_NOT_SIP', `${line} is neither a request line nor a status line`)
}

function failure(code: string, message: string, head?: SIPMessage): ErrorFrame {
  return { type: 'error', error: new SIPMessageError(code, message), ...(head !== undefined && { head }) }
}

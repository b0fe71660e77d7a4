/** One direction of a TCP connection: finds out whether it carries SIP, or SIP over WebSocket, and frames it. */
import { frameOf, isSIP, StreamFramer } from '@siplet/sipmsg'
import type { CaptureStats } from './capture-stats.ts'
import type { ByteSink } from './tcp.ts'
import { beginsWebSocketText, WebSocketFramer } from './websocket.ts'

/** Upper bound in bytes on the beginning that is kept until its protocol is known. */
const MAX_UNKNOWN_BYTES = 8_192
const NOTHING: Buffer = Buffer.alloc(0)
const HTTP_START = /^(?:GET \S+ HTTP\/1\.1|HTTP\/1\.1 101)/i
const LF = 10
const TLS_HANDSHAKE = 0x16
const SSL_VERSION_MAJOR = 3
/** Every message has one of these headers (RFC 3261 section 8.1.1). Other protocols may have similar start lines. */
const SIP_HEADER = /\n(?:call-id|i|cseq|via|v)[ \t]*:/i

/** A status line, or a method with the beginning of a URI. The URI may be in brackets (RFC 4475 section 3.1.2.7). */
const START_WITH_URI = /^[\r\n]*(?:SIP\/|\S+[ \t]+<?[a-z][a-z0-9+.-]*:)/i
/** Enough for empty lines, a method and a scheme. */
const MAX_START_BYTES = 512

type Emit<A> = (transport: 'tcp' | 'ws', bytes: Buffer, at: A) => void

export class SIPStream<A> implements ByteSink<A> {
  readonly #emit: Emit<A>
  readonly #stats: CaptureStats
  readonly #isSIPPort: boolean
  /** The beginning of a start line, or of the HTTP request or response that opens a WebSocket. */
  #unknown = NOTHING
  #sip: StreamFramer | undefined
  #webSocket: WebSocketFramer | undefined
  /** Whether the next bytes may begin within a message. */
  #afterGap = false
  #encrypted = false

  /** @param isSIPPort whether encrypted data is counted */
  constructor(emit: Emit<A>, stats: CaptureStats, isSIPPort: boolean) {
    this.#emit = emit
    this.#stats = stats
    this.#isSIPPort = isSIPPort
  }

  get held(): number {
    return this.#unknown.length + (this.#sip?.heldBytes ?? 0) + (this.#webSocket?.held ?? 0)
  }

  /** The bytes are those of one segment. */
  data(bytes: Buffer, at: A): void {
    if (this.#sip) this.#frameSIP(this.#sip, withoutNULs(this.#sip, bytes), at)
    else if (this.#webSocket) this.#frameWebSocket(this.#webSocket, bytes, at)
    else this.#sniff(bytes, at)
  }

  gap(): void {
    if (this.#sip === undefined && this.#webSocket === undefined) {
      this.#unknown = NOTHING
      return
    }
    this.#stats.skipped.tcp++
    this.#afterGap = true
    if (this.#sip) this.#sip = sipFramer()
    // The start of the next frame is unknown, so segments are examined one by one again.
    this.#webSocket = undefined
  }

  end(): void {
    const within = this.#sip?.end() ?? []
    if (within.length > 0 || (this.#webSocket?.held ?? 0) > 0) this.#stats.skipped.tcp++
    this.#unknown = NOTHING
    this.#sip = this.#webSocket = undefined
    this.#afterGap = false
  }

  #sniff(bytes: Buffer, at: A): void {
    const kept = this.#unknown
    this.#unknown = NOTHING
    // The kept bytes may be the rest of something else. Then a message may begin with this segment.
    const candidates = kept.length === 0 ? [bytes] : [Buffer.concat([kept, bytes]), bytes]
    if (candidates.some((data) => this.#recognise(data, at))) return
    const unfinished = candidates.find((data) => data.length <= MAX_UNKNOWN_BYTES && isUnfinished(data))
    // Copied: a view would keep its whole chunk of the file in memory.
    if (unfinished !== undefined) this.#unknown = Buffer.from(unfinished)
  }

  /** Returns whether the data begins with a protocol that we read, or with TLS. */
  #recognise(data: Buffer, at: A): boolean {
    if (data[0] === TLS_HANDSHAKE && data[1] === SSL_VERSION_MAJOR) {
      if (this.#isSIPPort && !this.#encrypted) this.#stats.skipped.encrypted++
      this.#encrypted = true
      return true
    }
    const webSocketText = beginsWebSocketText(data)
    if (webSocketText !== null && startsLikeSIP(webSocketText)) {
      this.#startWebSocket(data, at)
      return true
    }
    const head = httpHead(data)
    if (head !== undefined && /\nupgrade[ \t]*:[^\n]*websocket/i.test(head)) {
      this.#startWebSocket(data.subarray(head.length), at)
      return true
    }
    if (isUnfinished(data) || !startsLikeSIP(data)) return false
    this.#sip = sipFramer()
    this.#frameSIP(this.#sip, data, at)
    return true
  }

  #frameSIP(framer: StreamFramer, bytes: Buffer, at: A): void {
    for (const frame of framer.push(bytes)) {
      if (frame.type === 'ping') this.#stats.skipped.keepAlive++
      else if (frame.type === 'message') this.#message('tcp', frame.bytes, at)
      // After a gap, the rest of a message is expected and not counted.
      else if (!this.#afterGap) this.#stats.skipped.notFramed++
      if (frame.type === 'message') this.#afterGap = false
    }
  }

  #startWebSocket(bytes: Buffer, at: A): void {
    this.#webSocket = new WebSocketFramer()
    this.#afterGap = false
    if (bytes.length > 0) this.#frameWebSocket(this.#webSocket, bytes, at)
  }

  #frameWebSocket(framer: WebSocketFramer, bytes: Buffer, at: A): void {
    for (const item of framer.push(bytes)) {
      if (item.type === 'malformed') {
        this.#stats.skipped.notFramed++
        this.#webSocket = undefined
        return
      }
      if (item.type === 'skipped') {
        this.#stats.skipped.notFramed++
        continue
      }
      const frame = frameOf(item.payload)
      if (frame.type === 'ping') this.#stats.skipped.keepAlive++
      else if (frame.type === 'message') this.#message('ws', frame.bytes, at)
      // Other protocols over WebSocket are ignored.
    }
  }

  #message(transport: 'tcp' | 'ws', bytes: Uint8Array, at: A): void {
    const message = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    if (startsLikeSIP(message) && SIP_HEADER.test(message.toString('latin1')))
      this.#emit(transport, message, at)
    else this.#stats.skipped.notFramed++
  }
}

/**
 * Returns whether a payload may begin with SIP. Media, the bulk of many captures, is ruled out by its first byte. A
 * Request-URI must begin with a scheme: the parser also accepts spaces within it, so that a line of a log such as
 * `Received INVITE sip:x@h SIP/2.0` would be a request with the method `Received`.
 */
export function startsLikeSIP(payload: Buffer): boolean {
  const first = payload[0]
  if (first === undefined || first < LF || first > 126 || !isSIP(payload)) return false
  return START_WITH_URI.test(payload.toString('latin1', 0, MAX_START_BYTES))
}

/** Returns the HTTP head at the beginning of the data, if it is complete and may open a WebSocket. */
function httpHead(data: Buffer): string | undefined {
  if (data[0] !== 0x47 && data[0] !== 0x48) return undefined
  const text = data.toString('latin1', 0, MAX_UNKNOWN_BYTES)
  const end = HTTP_START.test(text) ? text.indexOf('\r\n\r\n') : -1
  return end === -1 ? undefined : text.slice(0, end + 4)
}

/** Returns whether the data may be the beginning of a start line, or of an HTTP head that opens a WebSocket. */
function isUnfinished(data: Buffer): boolean {
  const first = data[0]!
  if (first < LF || first > 126) return false
  const text = data.toString('latin1', 0, MAX_UNKNOWN_BYTES)
  if (HTTP_START.test(text)) return !text.includes('\r\n\r\n')
  return !text.includes('\n', text.search(/[^\r\n]/))
}

/** Returns the segment, which may be a keep-alive of line ends and NULs, without these NULs. No message begins with them. */
function withoutNULs(framer: StreamFramer, segment: Buffer): Buffer {
  if (segment.at(-1) !== 0 || framer.pendingBytes > 0) return segment
  return /^[\r\n]*\n\0+$/.test(segment.toString('latin1'))
    ? segment.subarray(0, segment.lastIndexOf(LF) + 1)
    : segment
}

function sipFramer(): StreamFramer {
  return new StreamFramer({ onGarbage: 'resync', missingContentLength: 'no-body' })
}

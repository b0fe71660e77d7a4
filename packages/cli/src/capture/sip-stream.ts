/** One direction of a TCP connection: finds out whether it carries SIP, or SIP over WebSocket, and frames it. */
import { frameOf, isSIP, StreamFramer } from '@siplet/sipmsg'
import type { CaptureStats } from './capture-stats.ts'
import type { ByteSink } from './tcp.ts'
import { beginsWebSocketText, WebSocketFramer } from './websocket.ts'

/** Longest beginning that is kept until it is known what it is: bytes. */
const MAX_UNKNOWN_BYTES = 8_192
const NOTHING: Buffer = Buffer.alloc(0)
const HTTP_START = /^(?:GET \S+ HTTP\/1\.1|HTTP\/1\.1 101)/i
const LF = 10
const TLS_HANDSHAKE = 0x16
const SSL_VERSION_MAJOR = 3
/** Each message has all of these (RFC 3261 section 8.1.1); other protocols begin with words like ours, too. */
const SIP_HEADER = /\n(?:call-id|i|cseq|via|v)[ \t]*:/i

type Emit<A> = (transport: 'tcp' | 'ws', bytes: Buffer, at: A) => void

export class SIPStream<A> implements ByteSink<A> {
  readonly #emit: Emit<A>
  readonly #stats: CaptureStats
  readonly #isSIPPort: boolean
  /** The beginning of a start line, or of the HTTP request or response that opens a WebSocket. */
  #unknown = NOTHING
  #sip: StreamFramer | undefined
  #webSocket: WebSocketFramer | undefined
  /** Whether what comes may begin within a message. */
  #afterGap = false
  #encrypted = false

  /** @param isSIPPort whether encrypted data is worth a count */
  constructor(emit: Emit<A>, stats: CaptureStats, isSIPPort: boolean) {
    this.#emit = emit
    this.#stats = stats
    this.#isSIPPort = isSIPPort
  }

  get held(): number {
    return this.#unknown.length + (this.#sip?.heldBytes ?? 0) + (this.#webSocket?.held ?? 0)
  }

  data(bytes: Buffer, at: A): void {
    if (this.#sip) this.#frameSIP(this.#sip, bytes, at)
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
    // Where the next frame begins is unknown: segments are looked at one by one again.
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
    // What was kept may have been the rest of something else; then a message begins with this segment, if at all.
    const candidates = kept.length === 0 ? [bytes] : [Buffer.concat([kept, bytes]), bytes]
    if (candidates.some((data) => this.#recognise(data, at))) return
    const unfinished = candidates.find((data) => data.length <= MAX_UNKNOWN_BYTES && isUnfinished(data))
    // A copy: the view would keep its whole chunk of the file.
    if (unfinished !== undefined) this.#unknown = Buffer.from(unfinished)
  }

  /** Whether the data begins with what we read, or with TLS. */
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
      // Behind a gap, the rest of a message is no surprise.
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
      // Other protocols over WebSocket are none of our business.
    }
  }

  #message(transport: 'tcp' | 'ws', bytes: Uint8Array, at: A): void {
    const message = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    if (SIP_HEADER.test(message.toString('latin1'))) this.#emit(transport, message, at)
    else this.#stats.skipped.notFramed++
  }
}

/** Media, which is most of many captures, is told apart by its first byte. */
export function startsLikeSIP(payload: Buffer): boolean {
  const first = payload[0]
  return first !== undefined && first >= LF && first < 127 && isSIP(payload)
}

/** The HTTP head that the data begins with, if one that may open a WebSocket is there as a whole. */
function httpHead(data: Buffer): string | undefined {
  if (data[0] !== 0x47 && data[0] !== 0x48) return undefined
  const text = data.toString('latin1', 0, MAX_UNKNOWN_BYTES)
  const end = HTTP_START.test(text) ? text.indexOf('\r\n\r\n') : -1
  return end === -1 ? undefined : text.slice(0, end + 4)
}

/** Whether the data may be the beginning of a start line, or of an HTTP head that opens a WebSocket. */
function isUnfinished(data: Buffer): boolean {
  const first = data[0]!
  if (first < LF || first > 126) return false
  const text = data.toString('latin1', 0, MAX_UNKNOWN_BYTES)
  if (HTTP_START.test(text)) return !text.includes('\r\n\r\n')
  return !text.includes('\n', text.search(/[^\r\n]/))
}

function sipFramer(): StreamFramer {
  return new StreamFramer({ onGarbage: 'resync', missingContentLength: 'no-body' })
}

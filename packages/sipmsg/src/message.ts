/**
 * A SIP message as an offset index over its original bytes (RFC 3261 section 7). Nothing is parsed before it is
 * asked for; edits are splices against the original, so what nobody touched stays byte-identical. What is read is
 * always the message as edited so far.
 */
import { applySplices, compose, NO_SPLICES, type Splice } from './edits.ts'
import { SIPMessageError } from './errors.ts'
import { HeaderIndex } from './header-index.ts'
import { checkHeaderName, checkHeaderValue, type HeaderName, headerName } from './header-names.ts'
import { type Address, parameter, parseAddress } from './name-addr.ts'
import { toBytes, toText } from './one-byte-text.ts'
import { findStartLine, type StartLine, startLine } from './start-line.ts'
import { checkURI } from './uri.ts'
import { decodeUtf8, encodeUtf8 } from './utf8.ts'

const CALL_ID = headerName('Call-ID')
const CONTENT_LENGTH = headerName('Content-Length')
const CONTENT_TYPE = headerName('Content-Type')
const CSEQ = headerName('CSeq')
const FROM = headerName('From')
const TO = headerName('To')
const FOLD = /[ \t]*\r?\n[ \t]+/g

/** Whether the bytes (or one-byte text) begin with a SIP start line, leading CRLFs aside. */
export function isSIP(source: Uint8Array | string): boolean {
  return findStartLine(typeof source === 'string' ? source : toText(source)) !== null
}

export class SIPMessage {
  readonly #original: string
  readonly #originalStartLine: StartLine
  #splices: readonly Splice[] = NO_SPLICES
  /** The message as it is now, its start line and its headers; undefined after an edit, until they are needed. */
  #text: string | undefined
  #startLine: StartLine | undefined
  #headers: HeaderIndex | undefined

  /**
   * @param source the bytes of one message, or the same as one-byte text
   * @throws SIPMessageError ERR_SIPLET_NOT_SIP where they do not begin with a start line
   */
  constructor(source: Uint8Array | string) {
    const text = typeof source === 'string' ? source : toText(source)
    this.#original = this.#text = text
    this.#originalStartLine = this.#startLine = startLine(text)
  }

  get isRequest(): boolean {
    return this.#originalStartLine.isRequest
  }

  get type(): 'SIP_REQUEST' | 'SIP_REPLY' {
    return this.isRequest ? 'SIP_REQUEST' : 'SIP_REPLY'
  }

  /** The method as written; null on replies. */
  get method(): string | null {
    const { isRequest, start, tokenEnd } = this.#originalStartLine
    return isRequest ? this.#original.slice(start, tokenEnd) : null
  }

  /** Status code, 100..999; null on requests. */
  get status(): number | null {
    const { isRequest, tokenEnd } = this.#originalStartLine
    return isRequest ? null : Number(this.#original.slice(tokenEnd - 3, tokenEnd))
  }

  /** Reason phrase; null on requests. */
  get reason(): string | null {
    const { isRequest, valueStart, valueEnd } = this.#originalStartLine
    return isRequest ? null : decodeUtf8(this.#original.slice(valueStart, valueEnd))
  }

  /** Request-URI, as rewritten; null on replies. */
  get ruri(): string | null {
    if (!this.isRequest) return null
    const { valueStart, valueEnd } = this.#currentStartLine()
    return decodeUtf8(this.text.slice(valueStart, valueEnd))
  }

  /** Request-URI as received; null on replies. */
  get originalRURI(): string | null {
    const { isRequest, valueStart, valueEnd } = this.#originalStartLine
    return isRequest ? decodeUtf8(this.#original.slice(valueStart, valueEnd)) : null
  }

  /** Call-ID; null when absent. */
  get callId(): string | null {
    return this.#first(CALL_ID)
  }

  /** Value of CSeq, such as `1 INVITE`; null when absent. */
  get cseq(): string | null {
    return this.#first(CSEQ)
  }

  /** Sequence number of CSeq (section 20.16); null when absent or malformed. */
  get cseqNumber(): number | null {
    const match = /^\d+/.exec(this.cseq ?? '')
    return match === null ? null : Number(match[0])
  }

  /** Method of CSeq; null when absent or malformed. */
  get cseqMethod(): string | null {
    return /^\d+\s+(\S+)/.exec(this.cseq ?? '')?.[1] ?? null
  }

  /** URI of From, as written; null when absent or malformed. The same holds for the three below. */
  get fromURI(): string | null {
    return this.#address(FROM)?.uri ?? null
  }
  get fromTag(): string | null {
    return parameter(this.#address(FROM)?.parameters ?? '', 'tag')
  }
  get toURI(): string | null {
    return this.#address(TO)?.uri ?? null
  }
  get toTag(): string | null {
    return parameter(this.#address(TO)?.parameters ?? '', 'tag')
  }

  /** Value of the first header of that name, unfolded, invalid UTF-8 as U+FFFD; null when absent. */
  getHeader(name: string): string | null {
    return this.#first(headerName(name))
  }

  /** The same as one-byte text, folds as they are. */
  getHeaderBytes(name: string): string | null {
    const headers = this.#index()
    const k = headers.find(headerName(name))
    if (k === -1) return null
    const { start, end } = headers.value(k)
    return this.text.slice(start, end)
  }

  /** Values of all headers of that name, one entry a header line; comma-separated values are not split. */
  getHeaders(name: string): string[] {
    const headers = this.#index()
    const prepared = headerName(name)
    const values: string[] = []
    for (let k = headers.find(prepared); k !== -1; k = headers.find(prepared, k + 1))
      values.push(this.#value(k))
    return values
  }

  /** Name of every header line, as written, in order. */
  headerNames(): string[] {
    const headers = this.#index()
    return Array.from({ length: headers.count }, (_, k) => headers.name(k))
  }

  /** Offset of the body in the message as it is now. */
  get bodyStart(): number {
    return this.#index().bodyStart
  }

  /** Value of Content-Length (section 20.14); null when absent or not a number. */
  get contentLength(): number | null {
    const value = this.#first(CONTENT_LENGTH)
    return value !== null && /^\d+$/.test(value) ? Number(value) : null
  }

  /** What the bytes end in the middle of: the head, or the body that Content-Length announces; null of neither. */
  get truncatedIn(): 'head' | 'body' | null {
    const { headEnd, bodyStart } = this.#index()
    if (headEnd === bodyStart) return 'head'
    return this.text.length - bodyStart < (this.contentLength ?? 0) ? 'body' : null
  }

  /** The body as one-byte text: as long as Content-Length says (section 18.3), or what there is. */
  get bodyText(): string {
    const { bodyStart } = this.#index()
    return this.text.slice(bodyStart, this.#bodyEnd())
  }

  /** The body as a string, invalid UTF-8 as U+FFFD. */
  get body(): string {
    return decodeUtf8(this.bodyText)
  }

  /** The whole message as it is now, as one-byte text. */
  get text(): string {
    this.#text ??= applySplices(this.#original, this.#splices)
    return this.#text
  }

  /** The whole message as it is now. */
  toBytes(): Uint8Array {
    return toBytes(this.text)
  }

  /** The edits so far, against the original bytes. */
  get splices(): readonly Splice[] {
    return this.#splices
  }

  /** Replaces all edits. They must come from a message with the same original bytes. */
  restoreSplices(splices: readonly Splice[]): void {
    this.#splices = splices
    this.#text = this.#startLine = this.#headers = undefined
  }

  /** An independent copy as it is now; it shares the original. */
  clone(): SIPMessage {
    const copy = new SIPMessage(this.#original)
    copy.restoreSplices(this.#splices)
    return copy
  }

  /**
   * Replaces the Request-URI; '' reverts to the received one.
   *
   * @throws SIPMessageError ERR_SIPLET_NOT_A_REQUEST, ERR_SIPLET_URI
   */
  rewriteRURI(uri: string): void {
    if (!this.isRequest) {
      throw new SIPMessageError('ERR_SIPLET_NOT_A_REQUEST', 'a reply has no Request-URI to rewrite')
    }
    if (uri !== '') checkURI(uri)
    const { valueStart, valueEnd } = this.#currentStartLine()
    const received = this.#original.slice(
      this.#originalStartLine.valueStart,
      this.#originalStartLine.valueEnd,
    )
    this.#replace(valueStart, valueEnd, uri === '' ? received : uri)
  }

  /**
   * Leaves one header of that name, with this value: the first one keeps its place and its name as written, the
   * others go; where there is none it is appended.
   *
   * @throws SIPMessageError ERR_SIPLET_HEADER_NAME, ERR_SIPLET_INJECTION, ERR_SIPLET_CONTENT_LENGTH
   */
  setHeader(name: string, value: string): void {
    const prepared = editable(name)
    checkHeaderValue(name, value)
    this.#set(prepared, name, encodeUtf8(value))
  }

  /** Adds a header behind the last one. Throws what {@link setHeader} throws. */
  appendHeader(name: string, value: string): void {
    editable(name)
    checkHeaderValue(name, value)
    this.#append(name, encodeUtf8(value))
  }

  /**
   * Adds a header before the first of that name, as a proxy does with its Via (section 16.6); before all headers
   * where there is none. Throws what {@link setHeader} throws.
   */
  insertHeader(name: string, value: string): void {
    const prepared = editable(name)
    checkHeaderValue(name, value)
    const headers = this.#index()
    const at = headers.start(Math.max(headers.find(prepared), 0))
    this.#replace(at, at, `${name}: ${encodeUtf8(value)}\r\n`)
  }

  /**
   * Removes all headers of that name; returns how many there were.
   *
   * @throws SIPMessageError ERR_SIPLET_HEADER_NAME, ERR_SIPLET_CONTENT_LENGTH
   */
  removeHeader(name: string): number {
    return this.#remove(editable(name), 0)
  }

  /**
   * Replaces the body; Content-Type and Content-Length follow. An empty text takes the body away, and an empty
   * content type the Content-Type header.
   *
   * @throws SIPMessageError ERR_SIPLET_INJECTION
   */
  setBody(text: string, contentType: string): void {
    checkHeaderValue('Content-Type', contentType)
    const body = encodeUtf8(text)
    const { headEnd, bodyStart } = this.#index()
    // A head that was cut short gets its empty line: what follows would be read as headers otherwise.
    if (headEnd === bodyStart) this.#replace(headEnd, headEnd, `${this.#lineBreakAtEnd()}\r\n${body}`)
    else this.#replace(bodyStart, this.#bodyEnd(), body)
    this.#set(CONTENT_LENGTH, 'Content-Length', String(body.length))
    if (contentType === '') this.#remove(CONTENT_TYPE, 0)
    else this.#set(CONTENT_TYPE, 'Content-Type', encodeUtf8(contentType))
  }

  #currentStartLine(): StartLine {
    this.#startLine ??= startLine(this.text)
    return this.#startLine
  }

  #index(): HeaderIndex {
    this.#headers ??= new HeaderIndex(this.text, this.#currentStartLine().headersStart)
    return this.#headers
  }

  #first(name: HeaderName): string | null {
    const k = this.#index().find(name)
    return k === -1 ? null : this.#value(k)
  }

  #value(k: number): string {
    const { start, end } = this.#index().value(k)
    const value = this.text.slice(start, end)
    return decodeUtf8(value.includes('\n') ? value.replaceAll(FOLD, ' ') : value)
  }

  #address(name: HeaderName): Address | null {
    const value = this.#first(name)
    return value === null ? null : parseAddress(value)
  }

  #bodyEnd(): number {
    const { length } = this.text
    const announced = this.contentLength
    return announced === null ? length : Math.min(length, this.#index().bodyStart + announced)
  }

  #set(prepared: HeaderName, name: string, value: string): void {
    const headers = this.#index()
    const first = headers.find(prepared)
    if (first === -1) {
      this.#append(name, value)
      return
    }
    this.#remove(prepared, first + 1)
    const { start, end } = this.#index().value(first)
    this.#replace(start, end, value)
  }

  #append(name: string, value: string): void {
    const at = this.#index().headEnd
    this.#replace(at, at, `${this.#lineBreakAtEnd()}${name}: ${value}\r\n`)
  }

  #remove(prepared: HeaderName, from: number): number {
    let removed = 0
    for (let k = this.#index().find(prepared, from); k !== -1; k = this.#index().find(prepared, k)) {
      this.#replace(this.#index().start(k), this.#index().end(k), '')
      removed++
    }
    return removed
  }

  /** What is missing at the end of the head where the message was cut within a line. */
  #lineBreakAtEnd(): string {
    const { text } = this
    const { headEnd } = this.#index()
    return headEnd === text.length && !text.endsWith('\n') ? '\r\n' : ''
  }

  #replace(start: number, end: number, text: string): void {
    this.restoreSplices(compose(this.#original, this.#splices, start, end, text))
  }
}

function editable(name: string): HeaderName {
  checkHeaderName(name)
  const prepared = headerName(name)
  if (prepared.long === CONTENT_LENGTH.long) {
    throw new SIPMessageError(
      'ERR_SIPLET_CONTENT_LENGTH',
      'Content-Length follows from the body: use setBody',
    )
  }
  return prepared
}

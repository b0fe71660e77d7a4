/**
 * A SIP message: an index of offsets into its original bytes (RFC 3261 section 7), and edits as splices of these bytes.
 * Everything that is not edited stays byte-identical. Names, values and URIs are checked, so no edit can inject a
 * header.
 */
import type { Splice } from './edits.ts'
import { SIPMessageError } from './errors.ts'
import type { HeaderIndex } from './header-index.ts'
import { checkHeaderName, checkHeaderValue, type HeaderName, headerName } from './header-names.ts'
import { elementEnd } from './list.ts'
import { MessageReader } from './message-reader.ts'
import { LF, skipLWS, trimEnd } from './scan.ts'
import { checkURI } from './uri.ts'
import { encodeUtf8 } from './utf8.ts'

const CONTENT_LENGTH = headerName('Content-Length')
const CONTENT_TYPE = headerName('Content-Type')
const BARE_LINE_BREAK = /\r(?!\n)|(?<!\r)\n/

export class SIPMessage extends MessageReader {
  /** Returns an independent copy of the current message. Both share the original bytes. */
  clone(): SIPMessage {
    const copy = new SIPMessage(this)
    copy.copyOf(this)
    return copy
  }

  /**
   * Replaces the Request-URI. An empty string restores the received one.
   *
   * @throws SIPMessageError ERR_SIPLET_NOT_A_REQUEST, ERR_SIPLET_URI
   */
  rewriteRURI(uri: string): void {
    if (!this.isRequest) {
      throw new SIPMessageError('ERR_SIPLET_NOT_A_REQUEST', 'a reply has no Request-URI to rewrite')
    }
    if (uri !== '') checkURI(uri)
    const { valueStart, valueEnd } = this.startLine
    const received = this.original.slice(this.originalStartLine.valueStart, this.originalStartLine.valueEnd)
    this.edit([{ start: valueStart, end: valueEnd, text: uri === '' ? received : uri }])
  }

  /**
   * Leaves exactly one header with that name, with this value. The first one keeps its place and its name as written,
   * further ones are removed. If there is none, the header is appended.
   *
   * @throws SIPMessageError ERR_SIPLET_HEADER_NAME, ERR_SIPLET_INJECTION, ERR_SIPLET_CONTENT_LENGTH
   */
  setHeader(name: string, value: string): void {
    const prepared = editable(name, value)
    const edits: Splice[] = []
    const appended = this.#set(prepared, name, encodeUtf8(value), edits)
    this.#editHead(edits, appended)
  }

  /**
   * Replaces the value of the nth header line with that name, counted from 0. If there are fewer, returns false and
   * changes nothing. Throws the errors of {@link setHeader}.
   */
  replaceHeader(name: string, nth: number, value: string): boolean {
    const k = this.#nth(editable(name, value), nth)
    if (k === -1) return false
    this.edit([valueSplice(this.index, k, encodeUtf8(value))])
    return true
  }

  /** Adds a header after the last one. Throws the errors of {@link setHeader}. */
  appendHeader(name: string, value: string): void {
    editable(name, value)
    this.#editHead([], line(name, encodeUtf8(value)))
  }

  /**
   * Adds headers after the last one in a single edit. If one is refused, none is added. Throws the errors of
   * {@link setHeader}.
   */
  appendHeaders(headers: readonly (readonly [name: string, value: string])[]): void {
    const lines = headers.map(([name, value]) => {
      editable(name, value)
      return line(name, encodeUtf8(value))
    })
    this.#editHead([], lines.join(''))
  }

  /**
   * Adds a header before the first one with that name, as a proxy does with its Via (section 16.6). If there is none,
   * adds it before all headers. Throws the errors of {@link setHeader}.
   */
  insertHeader(name: string, value: string): void {
    const first = this.index.find(editable(name, value))
    const at = this.index.start(Math.max(first, 0))
    const lineBreak = first === -1 && this.index.count === 0 ? this.#missingLineBreak() : ''
    this.edit([{ start: at, end: at, text: lineBreak + line(name, encodeUtf8(value)) }])
  }

  /** Adds a Via before all others (section 16.6 item 8). Throws the errors of {@link setHeader}. */
  prependVia(value: string): void {
    this.insertHeader('Via', value)
  }

  /**
   * Adds a Record-Route before all others (section 16.6 item 4).
   *
   * @param uri URI without angle brackets; they are added
   * @throws SIPMessageError ERR_SIPLET_URI
   */
  prependRecordRoute(uri: string): void {
    checkURI(uri)
    this.insertHeader('Record-Route', `<${uri}>`)
  }

  /**
   * Writes the source address of the request into the topmost Via: `received`, and `rport` if a port is given (section
   * 18.2.1, RFC 3581). Existing values of both are removed; every other byte stays. Does nothing if the Via is missing
   * or malformed.
   */
  noteReceived(ip: string, port: number | null): void {
    const via = this.topVia
    if (via === null) return
    const noted = `${port === null ? '' : `;rport=${port}`};received=${ip}`
    const edits = via.parameterSpans(['received', 'rport']).map((span) => ({ ...span, text: '' }))
    this.edit([...edits, { start: via.end, end: via.end, text: noted }])
  }

  /** Removes the topmost Via value (section 16.7 item 3). Returns false if there is none. */
  removeFirstVia(): boolean {
    return this.removeFirstValue('Via')
  }

  /**
   * Removes the first value of that name: the first element of a comma-separated list, or the whole header line if it
   * has no other element. Returns false if there is none.
   *
   * @throws SIPMessageError ERR_SIPLET_HEADER_NAME, ERR_SIPLET_CONTENT_LENGTH
   */
  removeFirstValue(name: string): boolean {
    const k = this.index.find(editable(name))
    if (k === -1) return false
    const start = this.index.valueStart(k, this.index.colon(k))
    const end = this.index.valueEnd(k, start)
    const next = skipLWS(this.text, elementEnd(this.text, start, end) + 1, end)
    if (next < end) this.edit([{ start, end: next, text: '' }])
    else this.edit([{ start: this.index.start(k), end: this.index.end(k), text: '' }])
    return true
  }

  /**
   * Removes the last value of that name: the last element of its last header line. See {@link removeFirstValue}.
   *
   * @throws SIPMessageError ERR_SIPLET_HEADER_NAME, ERR_SIPLET_CONTENT_LENGTH
   */
  removeLastValue(name: string): boolean {
    const { index, text } = this
    const prepared = editable(name)
    let k = -1
    for (let next = index.find(prepared); next !== -1; next = index.find(prepared, next + 1)) k = next
    if (k === -1) return false
    const start = index.valueStart(k, index.colon(k))
    const end = index.valueEnd(k, start)
    /** `before` is the end of the last value but one, `last` the end of the last value. */
    let before = start
    let last = start
    for (let at = start; at < end; ) {
      const next = elementEnd(text, at, end)
      const from = skipLWS(text, at, next)
      if (from < next) [before, last] = [last, trimEnd(text, from, next)]
      at = next + 1
    }
    if (before > start) this.edit([{ start: before, end, text: '' }])
    else this.edit([{ start: index.start(k), end: index.end(k), text: '' }])
    return true
  }

  /**
   * Removes all headers with that name, or only the nth line, counted from 0. Returns the number of removed lines.
   *
   * @throws SIPMessageError ERR_SIPLET_HEADER_NAME, ERR_SIPLET_CONTENT_LENGTH
   */
  removeHeader(name: string, nth?: number): number {
    const prepared = editable(name)
    const edits: Splice[] = []
    if (nth === undefined) this.#remove(prepared, 0, edits)
    else {
      const k = this.#nth(prepared, nth)
      if (k !== -1) edits.push({ start: this.index.start(k), end: this.index.end(k), text: '' })
    }
    if (edits.length > 0) this.edit(edits)
    return edits.length
  }

  /**
   * Replaces the body, and sets Content-Type and Content-Length. An empty text removes the body, and an empty content
   * type removes the Content-Type header. Bytes after the message stay.
   *
   * @throws SIPMessageError ERR_SIPLET_INJECTION
   */
  setBody(text: string, contentType: string): void {
    checkHeaderValue('Content-Type', contentType)
    const body = encodeUtf8(text)
    const edits: Splice[] = []
    let appended = ''
    if (contentType === '') this.#remove(CONTENT_TYPE, 0, edits)
    else appended += this.#set(CONTENT_TYPE, 'Content-Type', encodeUtf8(contentType), edits)
    appended += this.#set(CONTENT_LENGTH, 'Content-Length', String(body.length), edits)
    this.#editHead(edits, appended, body)
  }

  /**
   * Makes the message safe to send on a byte stream: one correct Content-Length (RFC 3261 section 18.3), and lines that
   * end with CRLF and contain no other CR or LF (section 7). All other bytes of head and body stay.
   *
   * The body is what one valid Content-Length announces. If Content-Length is missing, malformed, repeated or too large,
   * the body is everything after the head. The first Content-Length keeps its place and its name as written, and further
   * ones are removed. A folded value is written on one line. Bytes after the body are removed, and a head that was cut
   * gets its empty line.
   *
   * Readers disagree about a bare CR or LF: some end a line there, others do not. On a connection that several callers
   * share, one such message would decide where the next one begins. Each bare LF becomes CRLF. Each bare CR becomes a
   * space, as RFC 9112 section 2.2 says for HTTP.
   */
  fitToStream(): void {
    this.#normalizeLineEnds()
    this.#unfoldContentLength()
    this.#fitContentLength()
  }

  /** Replaces everything from the first to the last bare CR or LF of the head by one edit. */
  #normalizeLineEnds(): void {
    const { bodyStart } = this.index
    const head = this.text.slice(0, bodyStart)
    if (!BARE_LINE_BREAK.test(head)) return
    const text = head.replaceAll(/\r(?!\n)|\r?\n/g, (lineBreak) => (lineBreak === '\r' ? ' ' : '\r\n'))
    let start = 0
    while (head[start] === text[start]) start++
    this.edit([{ start, end: bodyStart, text: text.slice(start) }])
  }

  /** Writes the first Content-Length on one line. Some readers do not see a folded value. */
  #unfoldContentLength(): void {
    const { index, text } = this
    const first = index.find(CONTENT_LENGTH)
    if (first === -1) return
    const [start, end] = [index.start(first), index.end(first)]
    const written = text.slice(start, end).trimEnd()
    if (!written.includes('\n')) return
    this.edit([{ start, end, text: `${written.replaceAll(/\r\n[ \t]*/g, ' ')}\r\n` }])
  }

  #fitContentLength(): void {
    const { index } = this
    const { headEnd, bodyStart } = index
    const { length } = this.text
    const there = length - bodyStart
    const first = index.find(CONTENT_LENGTH)
    const single = first !== -1 && index.find(CONTENT_LENGTH, first + 1) === -1
    const announced = single ? this.contentLength : null
    if (announced === there && headEnd !== bodyStart) return
    if (announced !== null && announced < there) {
      const end = bodyStart + announced
      this.edit([{ start: end, end: length, text: '' }])
      return
    }
    const edits: Splice[] = []
    const appended = this.#set(CONTENT_LENGTH, 'Content-Length', String(there), edits)
    this.#editHead(edits, appended, headEnd === bodyStart ? '' : undefined)
  }

  /** Applies edits of header lines, text that is appended to the head, and a new body in one edit. */
  #editHead(edits: Splice[], appended: string, body?: string): void {
    const { headEnd, bodyStart } = this.index
    edits.sort((a, b) => a.start - b.start)
    const lineBreak = this.#removesLastLine(edits) ? '' : this.#missingLineBreak()
    const text = appended === '' ? '' : lineBreak + appended
    if (body === undefined || headEnd !== bodyStart) {
      if (text !== '') edits.push({ start: headEnd, end: headEnd, text })
      if (body !== undefined) edits.push({ start: bodyStart, end: this.bodyEnd, text: body })
    } else {
      // A head that was cut gets its empty line. Otherwise the following text would be read as headers.
      edits.push({ start: headEnd, end: headEnd, text: `${text || lineBreak}\r\n${body}` })
    }
    this.edit(edits)
  }

  /** Adds the edits that leave one header with that name. Returns the text to append to the head if there was none. */
  #set(prepared: HeaderName, name: string, value: string, edits: Splice[]): string {
    const { index } = this
    const first = index.find(prepared)
    if (first === -1) return line(name, value)
    edits.push(valueSplice(index, first, value))
    this.#remove(prepared, first + 1, edits)
    return ''
  }

  #remove(prepared: HeaderName, from: number, edits: Splice[]): void {
    const { index } = this
    for (let k = index.find(prepared, from); k !== -1; k = index.find(prepared, k + 1)) {
      edits.push({ start: index.start(k), end: index.end(k), text: '' })
    }
  }

  #nth(prepared: HeaderName, nth: number): number {
    let k = this.index.find(prepared)
    for (let seen = 0; k !== -1 && seen < nth; seen++) k = this.index.find(prepared, k + 1)
    return nth < 0 ? -1 : k
  }

  #removesLastLine(edits: readonly Splice[]): boolean {
    const last = edits.at(-1)
    const { headEnd } = this.index
    return last !== undefined && last.end === headEnd && this.text.charCodeAt(last.start - 1) === LF
  }

  /** Returns the line break that is missing at the end of the head, if the message was cut within a line. */
  #missingLineBreak(): string {
    if (this.index.headEnd < this.text.length || this.text.endsWith('\n')) return ''
    return this.text.endsWith('\r') ? '\n' : '\r\n'
  }
}

function valueSplice(index: HeaderIndex, k: number, text: string): Splice {
  const start = index.valueStart(k, index.colon(k))
  return { start, end: index.valueEnd(k, start), text }
}

function line(name: string, value: string): string {
  return `${name}: ${value}\r\n`
}

function editable(name: string, value?: string): HeaderName {
  checkHeaderName(name)
  const prepared = headerName(name)
  if (prepared.long === CONTENT_LENGTH.long) {
    throw new SIPMessageError(
      'ERR_SIPLET_CONTENT_LENGTH',
      'Content-Length follows from the body: use setBody',
    )
  }
  if (value !== undefined) checkHeaderValue(name, value)
  return prepared
}

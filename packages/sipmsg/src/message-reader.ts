/**
 * Reads a message (RFC 3261 section 20). Each getter parses only what it returns, on every call. Absent and malformed
 * values are null, or an empty list. No getter throws.
 */
import { type Credentials, credentialsAt } from './credentials.ts'
import { type HeaderLine, headerLineAt } from './header-line.ts'
import { type HeaderName, headerName } from './header-names.ts'
import {
  type CSeq,
  cseqAt,
  type Header,
  headerValues,
  integerAt,
  type RAck,
  rackAt,
} from './header-values.ts'
import { knownNameAt } from './known-headers.ts'
import { elementEnd, parseElements, textElements } from './list.ts'
import { type MediaType, mediaTypeAt } from './media-type.ts'
import { MessageText } from './message-text.ts'
import { methodAt } from './methods.ts'
import { type Address, addressAt } from './name-addr.ts'
import { skipLWS, trimEnd } from './scan.ts'
import { textAt } from './text.ts'
import { type TokenValue, tokenValueAt } from './token-value.ts'
import { parseURI, type URI } from './uri.ts'
import { decodeUtf8 } from './utf8.ts'
import { type Via, viaAt } from './via.ts'

const CALL_ID = headerName('Call-ID')
const CONTENT_LENGTH = headerName('Content-Length')
const CSEQ = headerName('CSeq')
const FROM = headerName('From')
const ROUTE = headerName('Route')
const TO = headerName('To')
const VIA = headerName('Via')

export class MessageReader extends MessageText {
  get isRequest(): boolean {
    return this.originalStartLine.isRequest
  }

  get type(): 'SIP_REQUEST' | 'SIP_REPLY' {
    return this.isRequest ? 'SIP_REQUEST' : 'SIP_REPLY'
  }

  /** The method as written. Null for replies. */
  get method(): string | null {
    const { isRequest, start, tokenEnd } = this.originalStartLine
    return isRequest ? methodAt(this.original, start, tokenEnd) : null
  }

  /** Status code, 100..999. Null for requests. */
  get status(): number | null {
    const { isRequest, tokenEnd } = this.originalStartLine
    return isRequest ? null : integerAt(this.original, tokenEnd - 3, tokenEnd)
  }

  /** Reason phrase. Null for requests. */
  get reason(): string | null {
    const { isRequest, valueStart, valueEnd } = this.originalStartLine
    return isRequest ? null : decodeUtf8(this.original.slice(valueStart, valueEnd))
  }

  /** Request-URI with all edits. Null for replies. */
  get ruri(): string | null {
    if (!this.isRequest) return null
    const { valueStart, valueEnd } = this.startLine
    return textAt(this.text, valueStart, valueEnd)
  }

  /** Bytes of the Request-URI with all edits, as one-byte text. Null for replies. */
  get ruriBytes(): string | null {
    if (!this.isRequest) return null
    const { valueStart, valueEnd } = this.startLine
    return this.text.slice(valueStart, valueEnd)
  }

  /** Request-URI as received. Null for replies. */
  get originalRURI(): string | null {
    const { isRequest, valueStart, valueEnd } = this.originalStartLine
    return isRequest ? decodeUtf8(this.original.slice(valueStart, valueEnd)) : null
  }

  /** The parts of the Request-URI. Null for replies. */
  get requestURI(): URI | null {
    const { ruri } = this
    return ruri === null ? null : parseURI(ruri)
  }

  get callId(): string | null {
    return this.first(CALL_ID)
  }

  /** Value of CSeq as text, such as `1 INVITE`. */
  get cseq(): string | null {
    return this.first(CSEQ)
  }

  /** Sequence number of CSeq (section 20.16). */
  get cseqNumber(): number | null {
    return this.#parsed(CSEQ, cseqAt)?.number ?? null
  }

  get cseqMethod(): string | null {
    return this.#parsed<CSeq>(CSEQ, cseqAt)?.method ?? null
  }

  get from(): Address | null {
    return this.#parsed(FROM, addressAt)
  }

  get to(): Address | null {
    return this.#parsed(TO, addressAt)
  }

  /** URI of From, as written. */
  get fromURI(): string | null {
    return this.from?.uri ?? null
  }

  get fromTag(): string | null {
    return this.from?.tag ?? null
  }

  /** URI of To, as written. */
  get toURI(): string | null {
    return this.to?.uri ?? null
  }

  get toTag(): string | null {
    return this.to?.tag ?? null
  }

  /** All Via values in order (section 20.42), the topmost first. Malformed ones are left out. */
  get vias(): Via[] {
    return this.#list(VIA, viaAt)
  }

  /** The topmost Via value. Null if it is missing or malformed. */
  get topVia(): Via | null {
    const k = this.index.find(VIA)
    if (k === -1) return null
    const start = this.index.valueStart(k, this.index.colon(k))
    const end = elementEnd(this.text, start, this.index.valueEnd(k, start))
    return viaAt(this.text, start, trimEnd(this.text, start, end))
  }

  /** The second Via value, to which a reply is forwarded (section 16.7). Null if it is missing or malformed. */
  get nextVia(): Via | null {
    const { index, text } = this
    let k = index.find(VIA)
    if (k === -1) return null
    let at = index.valueStart(k, index.colon(k))
    let end = index.valueEnd(k, at)
    at = elementEnd(text, at, end) + 1
    for (;;) {
      at = skipLWS(text, at, end)
      if (at < end) {
        const next = elementEnd(text, at, end)
        if (next > at) return viaAt(text, at, trimEnd(text, at, next))
        at++
        continue
      }
      k = index.find(VIA, k + 1)
      if (k === -1) return null
      at = index.valueStart(k, index.colon(k))
      end = index.valueEnd(k, at)
    }
  }

  /** Contact addresses, or `*` of a REGISTER that removes all of them (section 10.2.2). Malformed ones are left out. */
  get contacts(): Address[] | '*' {
    const contact = headerName('Contact')
    return this.first(contact) === '*' ? '*' : this.#list(contact, addressAt)
  }

  /**
   * Route addresses (section 20.34). Malformed ones are left out; the same applies to recordRoutes and
   * assertedIdentities.
   */
  get routes(): Address[] {
    return this.#list(headerName('Route'), addressAt)
  }

  /** The first Route value. Null if it is missing or malformed. */
  get topRoute(): Address | null {
    const { index, text } = this
    const k = index.find(ROUTE)
    if (k === -1) return null
    const start = index.valueStart(k, index.colon(k))
    const end = elementEnd(text, start, index.valueEnd(k, start))
    if (end === start) return this.routes[0] ?? null
    return addressAt(text, start, trimEnd(text, start, end))
  }

  get recordRoutes(): Address[] {
    return this.#list(headerName('Record-Route'), addressAt)
  }

  /** P-Asserted-Identity (RFC 3325). */
  get assertedIdentities(): Address[] {
    return this.#list(headerName('P-Asserted-Identity'), addressAt)
  }

  /** Max-Forwards. The range 0..255 is not checked. */
  get maxForwards(): number | null {
    return this.#parsed(headerName('Max-Forwards'), integerAt)
  }

  /** Expires, in seconds. */
  get expires(): number | null {
    return this.#parsed(headerName('Expires'), integerAt)
  }

  /** RSeq of a reliable provisional reply (RFC 3262 section 7.1). */
  get rseq(): number | null {
    return this.#parsed(headerName('RSeq'), integerAt)
  }

  /** RAck of a PRACK (RFC 3262 section 7.2). */
  get rack(): RAck | null {
    return this.#parsed(headerName('RAck'), rackAt)
  }

  /** Event package with its parameters, such as `id` (RFC 6665 section 8.2.1). */
  get event(): TokenValue | null {
    return this.#parsed(headerName('Event'), tokenValueAt)
  }

  /** Subscription-State of a NOTIFY: `active`, `pending` or `terminated`, with its parameters (RFC 6665 section 8.2.3). */
  get subscriptionState(): TokenValue | null {
    return this.#parsed(headerName('Subscription-State'), tokenValueAt)
  }

  get contentType(): MediaType | null {
    return this.#parsed(headerName('Content-Type'), mediaTypeAt)
  }

  /**
   * Values of Authorization, WWW-Authenticate, Proxy-Authorization or Proxy-Authenticate: one entry per header line.
   * Malformed ones are left out.
   */
  credentials(name: string): Credentials[] {
    return this.#lines(headerName(name), (text, start, end) => {
      const credentials = credentialsAt(text, start, end)
      return credentials === null ? [] : [credentials]
    })
  }

  /** Value of the first header with that name, unfolded. Invalid UTF-8 becomes U+FFFD. */
  getHeader(name: string): string | null {
    return this.first(headerName(name))
  }

  /** Like {@link getHeader}, as one-byte text and not unfolded. */
  getHeaderBytes(name: string): string | null {
    return this.#parsed(headerName(name), bytesAt)
  }

  /** Like {@link getHeaders}, as one-byte text and not unfolded. */
  getHeadersBytes(name: string): string[] {
    return this.#lines(headerName(name), (text, start, end) => [bytesAt(text, start, end)])
  }

  /** Values of all headers with that name, one entry per header line. Comma-separated values are not split. */
  getHeaders(name: string): string[] {
    return this.#lines(headerName(name), (text, start, end) => [textAt(text, start, end)])
  }

  /**
   * Values of all headers with that name as one list; comma-separated values are split (section 7.3.1). Not for
   * Authorization and similar headers, in which commas separate parameters: use {@link credentials}.
   */
  getHeaderList(name: string): string[] {
    return this.#lines(headerName(name), textElements)
  }

  /** The name of every header line as written, in order. */
  headerNames(): string[] {
    const { index } = this
    const names: string[] = []
    for (let k = 0; index.has(k); k++) names.push(index.name(k))
    return names
  }

  /** The offsets of every header line, its name and its value, in order. */
  headerLines(): HeaderLine[] {
    const { index, text } = this
    const lines: HeaderLine[] = []
    for (let k = 0; index.has(k); k++) lines.push(headerLineAt(index, text, k))
    return lines
  }

  /** Every header line in order, parsed by the grammar of its name. */
  headers(): Header[] {
    const { index, text } = this
    const headers: Header[] = []
    for (let k = 0; index.has(k); k++) {
      const start = index.start(k)
      const end = index.end(k)
      const written = knownNameAt(text, start)
      if (written === undefined) {
        headers.push(headerOf(text, headerLineAt(index, text, k)))
        continue
      }
      const { header, length } = written
      const valueStart = skipLWS(text, start + length + 1, end)
      const valueEnd = trimEnd(text, valueStart, end)
      headers.push({ name: header.name, values: headerValues(header, text, valueStart, valueEnd) })
    }
    return headers
  }

  /** Offset of the empty line that ends the head. If it is missing, the length of the message. */
  get headEnd(): number {
    return this.index.headEnd
  }

  /** Offset of the body in the current message. */
  get bodyStart(): number {
    return this.index.bodyStart
  }

  /** Value of Content-Length (section 20.14). */
  get contentLength(): number | null {
    return this.#parsed(CONTENT_LENGTH, integerAt)
  }

  /**
   * The part in which the bytes end too early: the head, or the body that Content-Length announces. Null if the message
   * is complete.
   */
  get truncatedIn(): 'head' | 'body' | null {
    const { headEnd, bodyStart } = this.index
    if (headEnd === bodyStart) return 'head'
    return this.text.length - bodyStart < (this.contentLength ?? 0) ? 'body' : null
  }

  /** The body as one-byte text: as long as Content-Length says (section 18.3), or as many bytes as there are. */
  get bodyText(): string {
    return this.text.slice(this.bodyStart, this.bodyEnd)
  }

  /** The body as a string. Invalid UTF-8 becomes U+FFFD. */
  get body(): string {
    return decodeUtf8(this.bodyText)
  }

  /** Bytes that follow the message in the same datagram, beyond Content-Length, as one-byte text. */
  get trailingText(): string {
    return this.text.slice(this.bodyEnd)
  }

  protected get bodyEnd(): number {
    const { length } = this.text
    const announced = this.contentLength
    return announced === null ? length : Math.min(length, this.bodyStart + announced)
  }

  protected first(name: HeaderName): string | null {
    return this.#parsed(name, textAt)
  }

  #parsed<T>(name: HeaderName, parse: (text: string, start: number, end: number) => T | null): T | null {
    const { index } = this
    const k = index.find(name)
    if (k === -1) return null
    const start = index.valueStart(k, index.colon(k))
    return parse(this.text, start, index.valueEnd(k, start))
  }

  #list<T>(name: HeaderName, parse: (text: string, start: number, end: number) => T | null): T[] {
    return this.#lines(name, (text, start, end) => parseElements(text, start, end, parse)).filter(
      (value) => value !== null,
    )
  }

  /** Returns the results of `parse` for the values of all header lines with that name. */
  #lines<T>(name: HeaderName, parse: (text: string, start: number, end: number) => T[]): T[] {
    const { index, text } = this
    const values: T[] = []
    for (let k = index.find(name); k !== -1; k = index.find(name, k + 1)) {
      const start = index.valueStart(k, index.colon(k))
      for (const value of parse(text, start, index.valueEnd(k, start))) values.push(value)
    }
    return values
  }
}

function headerOf(text: string, { known, start, nameEnd, valueStart, valueEnd }: HeaderLine): Header {
  return {
    name: known === undefined ? text.slice(start, nameEnd) : known.name,
    values: headerValues(known, text, valueStart, valueEnd),
  }
}

function bytesAt(text: string, start: number, end: number): string {
  return text.slice(start, end)
}

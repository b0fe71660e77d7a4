/** Builds requests (RFC 3261 section 8.1.1) and replies (section 8.2.6) from parts. */
import { SIPMessageError } from './errors.ts'
import { checkHeaderName, checkHeaderValue, headerName } from './header-names.ts'
import { SIPMessage } from './message.ts'
import { toText } from './one-byte-text.ts'
import { REASONS } from './reasons.ts'
import { isToken } from './scan.ts'
import { checkURI } from './uri.ts'
import { encodeUtf8 } from './utf8.ts'

/** Headers in the order in which they are written. A name may occur more than once. */
export type HeaderParts = Iterable<readonly [name: string, value: string]>

export interface RequestParts {
  readonly method: string
  readonly uri: string
  /** Without Content-Length, which is computed from the body. Max-Forwards is 70 if it is missing. */
  readonly headers: HeaderParts
  /** A string is encoded as UTF-8. */
  readonly body?: string | Uint8Array
}

export interface ReplyParts {
  /** Default: the standard reason of the status code. */
  readonly reason?: string
  /**
   * Tag of To, used if the request has no tag and the status is not 100. Default: a tag derived from the request, so
   * that a retransmission gets the same tag (section 8.2.7).
   */
  readonly toTag?: string
  /** Further headers, after those copied from the request. Without Content-Length. */
  readonly headers?: HeaderParts
  readonly body?: string | Uint8Array
}

/**
 * Returns a request. The caller decides which headers are needed; `validate` reports missing ones.
 *
 * @throws SIPMessageError ERR_SIPLET_METHOD, ERR_SIPLET_URI, ERR_SIPLET_HEADER_NAME, ERR_SIPLET_INJECTION,
 *   ERR_SIPLET_CONTENT_LENGTH
 */
export function request({ method, uri, headers, body = '' }: RequestParts): SIPMessage {
  if (!isToken(method)) {
    throw new SIPMessageError(
      'ERR_SIPLET_METHOD',
      `${JSON.stringify(method)} is not a method: it must be a token, such as INVITE`,
    )
  }
  checkURI(uri)
  const lines = [...headers]
  if (!lines.some(([name]) => name.toLowerCase() === 'max-forwards')) lines.push(['Max-Forwards', '70'])
  return message(`${method} ${uri} SIP/2.0`, checkedLines(lines), body)
}

/**
 * Returns the reply to a request. Via, From, To, Call-ID and CSeq are copied byte for byte (section 8.2.6.2). Timestamp
 * is copied into a 100 (section 8.2.6.1), and Record-Route into replies that may create a dialog (section 12.1.1).
 *
 * @throws SIPMessageError ERR_SIPLET_STATUS, ERR_SIPLET_NO_REPLY, ERR_SIPLET_HEADER_NAME, ERR_SIPLET_INJECTION,
 *   ERR_SIPLET_CONTENT_LENGTH
 */
export function reply(to: SIPMessage, status: number, parts: ReplyParts = {}): SIPMessage {
  if (!Number.isInteger(status) || status < 100 || status > 699) {
    throw new SIPMessageError('ERR_SIPLET_STATUS', `${status} is not a status code: it must be 100 to 699`)
  }
  if (!to.isRequest || to.method === 'ACK') {
    throw new SIPMessageError('ERR_SIPLET_NO_REPLY', `there is no reply to ${to.method ?? 'a reply'}`)
  }
  const { reason = REASONS[status] ?? '', toTag, headers = [], body = '' } = parts
  checkHeaderValue('the reason phrase', reason)
  let head = copied(to, 'Via') + copied(to, 'From')
  head += withTag(to, status === 100 ? null : (toTag ?? derivedTag(to)))
  head += copied(to, 'Call-ID') + copied(to, 'CSeq')
  if (status === 100) head += copied(to, 'Timestamp')
  if (createsDialog(to, status)) head += copied(to, 'Record-Route')
  return message(`SIP/2.0 ${status} ${encodeUtf8(reason)}`, head + checkedLines(headers), body)
}

function message(startLine: string, head: string, body: string | Uint8Array): SIPMessage {
  const bytes = typeof body === 'string' ? encodeUtf8(body) : toText(body)
  return new SIPMessage(`${startLine}\r\n${head}Content-Length: ${bytes.length}\r\n\r\n${bytes}`)
}

function checkedLines(headers: HeaderParts): string {
  let lines = ''
  for (const [name, value] of headers) {
    checkHeaderName(name)
    checkHeaderValue(name, value)
    if (headerName(name).usual === 'Content-Length') {
      throw new SIPMessageError('ERR_SIPLET_CONTENT_LENGTH', 'Content-Length follows from the body')
    }
    lines += `${name}: ${encodeUtf8(value)}\r\n`
  }
  return lines
}

function copied(request: SIPMessage, name: string): string {
  let lines = ''
  for (const value of request.getHeadersBytes(name)) lines += `${name}: ${value}\r\n`
  return lines
}

function withTag(request: SIPMessage, tag: string | null): string {
  const to = request.getHeaderBytes('To')
  if (to === null) return ''
  if (tag === null || request.toTag !== null) return `To: ${to}\r\n`
  checkHeaderValue('the tag of To', tag)
  return `To: ${to};tag=${tag}\r\n`
}

function createsDialog({ method }: SIPMessage, status: number): boolean {
  const may = method === 'INVITE' || method === 'SUBSCRIBE' || method === 'REFER' || method === 'NOTIFY'
  return may && status > 100 && status < 300
}

/**
 * Returns the FNV-1a hash of everything that identifies the transaction. It is the same for every retransmission and
 * needs no clock or random generator.
 */
function derivedTag(request: SIPMessage): string {
  const key = `${request.getHeaderBytes('Via')} ${request.getHeaderBytes('Call-ID')} ${request.cseqNumber}`
  let hash = 0x811c9dc5
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193)
  return (hash >>> 0).toString(16).padStart(8, '0')
}

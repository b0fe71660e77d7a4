/**
 * Reports errors and unusual things in a message (RFC 3261, and the torture tests of RFC 4475). The parser is lenient,
 * so that a proxy can route what other proxies route. The rules are applied here instead.
 */
import { append, type Finding, finding, shown } from './findings.ts'
import type { HeaderLine } from './header-line.ts'
import { SIPMessage } from './message.ts'
import { isSIP } from './message-text.ts'
import { toText } from './one-byte-text.ts'
import { CR, SP } from './scan.ts'
import { findStartLine } from './start-line.ts'
import { KNOWN_SCHEMES, parseURI } from './uri.ts'
import { validateHeader } from './validate-header.ts'

const MANDATORY = ['Via', 'From', 'To', 'Call-ID', 'CSeq']
const NEEDS_CONTACT = ['INVITE', 'SUBSCRIBE', 'NOTIFY', 'REFER', 'UPDATE']
/** Headers that requests of a method must have in addition, and the section that says so. */
const MANDATORY_OF: Record<string, [name: string, section: string][] | undefined> = {
  SUBSCRIBE: [['Event', 'RFC 6665 section 4.1.2.1']],
  NOTIFY: [
    ['Event', 'RFC 6665 section 4.2.2'],
    ['Subscription-State', 'RFC 6665 section 4.2.2'],
  ],
  PRACK: [['RAck', 'RFC 3262 section 7.2']],
  REFER: [['Refer-To', 'RFC 3515 section 2.4.1']],
}

export interface ValidateOptions {
  /** Canonical names of the headers to examine. By default all. */
  readonly headers?: ReadonlySet<string>
}

/**
 * Returns every finding, in the order of the offsets. Never throws: bytes that are not SIP at all give one finding.
 * Rules that depend on the state of the receiver (loops, authentication, dialogs) are not checked.
 *
 * @param source a message, its bytes, or the same bytes as one-byte text
 */
export function validate(
  source: SIPMessage | Uint8Array | string,
  { headers }: ValidateOptions = {},
): Finding[] {
  if (source instanceof SIPMessage) return validateMessage(source, headers)
  const text = typeof source === 'string' ? source : toText(source)
  return isSIP(text) ? validateMessage(new SIPMessage(text), headers) : [notSIP(text)]
}

function validateMessage(message: SIPMessage, headers: ReadonlySet<string> | undefined): Finding[] {
  const { text } = message
  const lines = message.headerLines()
  const findings = validateStartLine(text)
  const isAsked = (name: string) => headers === undefined || headers.has(name)
  for (const line of lines) {
    if (headers !== undefined && (line.known === undefined || !headers.has(line.known.name))) continue
    const ofLine = validateHeader(text, line, message)
    if (ofLine.length > 0) append(findings, ofLine)
  }
  append(findings, validateHead(message, lines, isAsked))
  append(findings, validateBody(message))
  return findings.sort((a, b) => a.offset - b.offset)
}

function notSIP(text: string): Finding {
  const line = text.slice(0, 200).split(/\r?\n/, 1)[0]!
  const status = /^SIP\/\d+\.\d+ +(\S*)/i.exec(line)
  return status === null
    ? finding('START_LINE_MALFORMED', 0, `${shown(line)} is neither a request line nor a status line`)
    : finding(
        'STATUS_CODE_RANGE',
        status[0].length - status[1]!.length,
        `${shown(status[1]!)} is not a status code: three digits are expected`,
      )
}

function validateStartLine(text: string): Finding[] {
  const { isRequest, start, tokenEnd, valueStart, valueEnd, headersStart } = findStartLine(text)!
  // Fast path for almost all requests.
  if (isRequest && valueStart === tokenEnd + 1 && text.startsWith(' SIP/2.0\r\n', valueEnd)) {
    return validateRequestURI(text.slice(valueStart, valueEnd), valueStart)
  }
  const findings: Finding[] = []
  const lineEnd = text.slice(0, headersStart).trimEnd().length
  const version = isRequest ? text.slice(valueEnd, lineEnd).trim() : text.slice(start, tokenEnd - 4)
  if (version.toUpperCase() !== 'SIP/2.0') {
    const offset = isRequest ? lineEnd - version.length : start
    findings.push(finding('VERSION_UNSUPPORTED', offset, `the version is ${shown(version)}, not SIP/2.0`))
  }
  if (!isRequest) {
    if (text.charCodeAt(tokenEnd - 3) < 49 || text.charCodeAt(tokenEnd - 3) > 54) {
      const status = text.slice(tokenEnd - 3, tokenEnd)
      findings.push(finding('STATUS_CODE_RANGE', tokenEnd - 3, `status ${status} is not one of 100 to 699`))
    }
    return findings
  }
  const end = text.charCodeAt(headersStart - 2) === CR ? headersStart - 2 : headersStart - 1
  const spaces = [
    [tokenEnd, valueStart - tokenEnd - 1],
    [valueEnd, lineEnd - version.length - valueEnd - 1],
    [lineEnd, end - lineEnd],
  ] as const
  for (const [offset, surplus] of spaces) {
    if (surplus > 0 && text.charCodeAt(offset) === SP) {
      findings.push(
        finding('START_LINE_LWS', offset, 'the parts of a request line are separated by one space'),
      )
    }
  }
  return [...findings, ...validateRequestURI(text.slice(valueStart, valueEnd), valueStart)]
}

function validateRequestURI(uri: string, offset: number): Finding[] {
  const parsed = parseURI(uri)
  if (parsed === null) {
    return [finding('REQUEST_URI_MALFORMED', offset, `the Request-URI ${shown(uri)} is not a URI`)]
  }
  if (!KNOWN_SCHEMES.includes(parsed.scheme)) {
    return [finding('URI_SCHEME_UNKNOWN', offset, `the Request-URI has the scheme ${parsed.scheme}`)]
  }
  if (parsed.headers === '') return []
  return [
    finding('REQUEST_URI_HEADERS', offset + uri.indexOf('?'), `a Request-URI has no headers: ${shown(uri)}`),
  ]
}

/** Rules about headers that are missing, repeated, or contradict the start line. */
function validateHead(
  message: SIPMessage,
  lines: readonly HeaderLine[],
  isAsked: (name: string) => boolean,
): Finding[] {
  const findings: Finding[] = []
  const { text, headEnd, bodyStart } = message
  const names = new Set<string>()
  const repeated: Finding[] = []
  for (const { known, start } of lines) {
    if (known?.single === true && names.has(known.name))
      repeated.push(finding('HEADER_REPEATED', start, `${known.name} comes more than once`))
    if (known !== undefined) names.add(known.name)
  }
  for (const name of MANDATORY) {
    if (!names.has(name)) findings.push(finding('HEADER_MISSING', headEnd, `${name} is missing`))
  }
  const { method } = message
  const ofMethod = method !== null && Object.hasOwn(MANDATORY_OF, method) ? MANDATORY_OF[method]! : []
  for (const [name, section] of ofMethod) {
    if (!names.has(name) && isAsked(name))
      findings.push(finding('HEADER_MISSING', headEnd, `${method} without ${name}`, section))
  }
  if (message.isRequest && !names.has('Max-Forwards')) {
    findings.push(finding('MAX_FORWARDS_MISSING', headEnd, 'Max-Forwards is missing, as in RFC 2543'))
  }
  if (NEEDS_CONTACT.includes(method ?? '') && !names.has('Contact')) {
    findings.push(finding('CONTACT_MISSING', headEnd, `${method} without a Contact`))
  }
  append(findings, repeated)
  const bare = bareLineEnd(text, bodyStart)
  if (bare !== -1) findings.push(finding('LINE_END', bare, 'a line ends with LF alone, not with CRLF'))
  if (headEnd === bodyStart) {
    findings.push(finding('HEAD_UNTERMINATED', headEnd, 'the empty line that ends the head is missing'))
  }
  return findings
}

/** Returns the offset of the first LF without a CR before it; -1 if there is none before `end`. */
function bareLineEnd(text: string, end: number): number {
  for (let at = text.indexOf('\n'); at !== -1 && at < end; at = text.indexOf('\n', at + 1)) {
    if (text.charCodeAt(at - 1) !== CR) return at
  }
  return -1
}

function validateBody(message: SIPMessage): Finding[] {
  const { bodyStart, contentLength, text, trailingText } = message
  const there = text.length - bodyStart
  if (contentLength !== null && contentLength > there) {
    return [
      finding(
        'CONTENT_LENGTH_LARGER',
        bodyStart,
        `Content-Length is ${contentLength}, but there are ${there} bytes`,
      ),
    ]
  }
  // Line ends after a message are keep-alives (section 7.5), or were added by a text editor.
  if (trailingText === '' || /^[\r\n]*$/.test(trailingText)) return []
  const offset = text.length - trailingText.length
  return [
    finding('TRAILING_BYTES', offset, `${trailingText.length} bytes follow what Content-Length announces`),
  ]
}

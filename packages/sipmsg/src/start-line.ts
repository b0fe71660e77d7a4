/** The start line (RFC 3261 sections 7.1 and 7.2), as offsets into the text. */
import { SIPMessageError } from './errors.ts'
import { CR, digitsEnd, isDigit, LF, SLASH, SP, tokenEnd, trimEnd } from './scan.ts'

const DOT = 46

export interface StartLine {
  readonly isRequest: boolean
  /** Start of the method of a request, or of "SIP/2.0" of a reply. */
  readonly start: number
  /** End of the method of a request, or of the status code of a reply. */
  readonly tokenEnd: number
  /** The Request-URI of a request, or the reason phrase of a reply. */
  readonly valueStart: number
  readonly valueEnd: number
  /** Offset of the first header line. */
  readonly headersStart: number
}

/**
 * Finds the start line after leading CRLFs (section 7.5).
 *
 * @returns null if the text does not begin with a SIP start line
 */
export function findStartLine(text: string): StartLine | null {
  let start = 0
  for (let code = text.charCodeAt(0); code === CR || code === LF; ) code = text.charCodeAt(++start)
  const lf = text.indexOf('\n', start)
  const headersStart = lf === -1 ? text.length : lf + 1
  let end = lf === -1 ? text.length : lf
  if (end > start && text.charCodeAt(end - 1) === CR) end--
  return (
    statusLine(text, start, end, headersStart) ??
    requestLine(text, start, trimEnd(text, start, end), headersStart)
  )
}

/** Parses `SIP/2.0 200 OK`. The reason phrase may be missing, as may the space before it. */
function statusLine(text: string, start: number, end: number, headersStart: number): StartLine | null {
  const code = versionEnd(text, start, end) + 1
  const tokenEnd = code + 3
  if (code === 0 || text.charCodeAt(code - 1) !== SP || tokenEnd > end) return null
  for (let at = code; at < tokenEnd; at++) if (!isDigit(text.charCodeAt(at))) return null
  if (tokenEnd < end && text.charCodeAt(tokenEnd) !== SP) return null
  const valueStart = Math.min(tokenEnd + 1, end)
  return { isRequest: false, start, tokenEnd, valueStart, valueEnd: end, headersStart }
}

/**
 * Parses a request line. More than one space between the parts, trailing spaces and another version are accepted: RFC
 * 4475 asks to read them, if only to answer the request.
 */
function requestLine(text: string, start: number, end: number, headersStart: number): StartLine | null {
  const methodEnd = tokenEnd(text, start, end)
  if (methodEnd === start || text.charCodeAt(methodEnd) !== SP) return null
  let valueStart = methodEnd
  while (text.charCodeAt(valueStart) === SP) valueStart++
  const version = lastWord(text, valueStart, end)
  if (versionEnd(text, version, end) !== end) return null
  let valueEnd = version
  while (valueEnd > valueStart && text.charCodeAt(valueEnd - 1) === SP) valueEnd--
  if (valueEnd === valueStart || valueEnd === version) return null
  return { isRequest: true, start, tokenEnd: methodEnd, valueStart, valueEnd, headersStart }
}

/** Returns the start of the last word of text[start..end). */
function lastWord(text: string, start: number, end: number): number {
  while (end > start && text.charCodeAt(end - 1) !== SP) end--
  return end
}

/**
 * Returns the offset after `SIP/`, digits, a dot and digits; -1 if they are not there. Case is ignored (section 7.1).
 */
function versionEnd(text: string, at: number, end: number): number {
  // Fast path: the first letter tells most requests from replies.
  if ((text.charCodeAt(at) | 32) !== 115) return -1
  if (text.startsWith('SIP/2.0', at) && !isDigit(text.charCodeAt(at + 7))) return at + 7
  if (
    (text.charCodeAt(at + 1) | 32) !== 105 ||
    (text.charCodeAt(at + 2) | 32) !== 112 ||
    text.charCodeAt(at + 3) !== SLASH
  ) {
    return -1
  }
  const major = digitsEnd(text, at + 4, end)
  const minor = digitsEnd(text, major + 1, end)
  return major === at + 4 || text.charCodeAt(major) !== DOT || minor <= major + 1 ? -1 : minor
}

/** @throws SIPMessageError ERR_SIPLET_NOT_SIP, which shows the text found instead */
export function startLine(text: string): StartLine {
  const found = findStartLine(text)
  if (found !== null) return found
  const line = JSON.stringify(text.slice(0, 60))
  throw new SIPMessageError(
    'ERR_SIPLET_NOT_SIP',
    `${text === '' ? 'an empty message' : line} is not SIP: it does not begin with a request line or a status line`,
  )
}

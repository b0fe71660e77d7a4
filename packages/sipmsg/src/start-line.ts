/** The start line (RFC 3261 sections 7.1 and 7.2) as offsets into the text. */
import { SIPMessageError } from './errors.ts'

export interface StartLine {
  readonly isRequest: boolean
  /** Requests: where the method starts; replies: where "SIP/2.0" does. */
  readonly start: number
  /** Requests: end of the method. Replies: end of the status code. */
  readonly tokenEnd: number
  /** Requests: Request-URI. Replies: reason phrase. */
  readonly valueStart: number
  readonly valueEnd: number
  /** Offset of the first header line. */
  readonly headersStart: number
}

/** Only the version differs in meaning; its letters may be of either case (section 7.1). */
const REPLY = /^SIP\/\d+\.\d+ (\d{3})(?: |$)/i
const VERSION_AT_END = / +SIP\/\d+\.\d+ *$/i
const METHOD_END = /[^A-Za-z0-9\-.!%*_+`'~]/g

const SP = 32
const CR = 13
const LF = 10

/**
 * Leading CRLFs are skipped (section 7.5).
 *
 * @returns null where the text does not begin with a SIP start line
 */
export function findStartLine(text: string): StartLine | null {
  let start = 0
  for (let code = text.charCodeAt(0); code === CR || code === LF; ) code = text.charCodeAt(++start)
  const lf = text.indexOf('\n', start)
  const headersStart = lf === -1 ? text.length : lf + 1
  let end = lf === -1 ? text.length : lf
  if (end > start && text.charCodeAt(end - 1) === CR) end--
  // The usual request, decided without a regular expression.
  if (text.startsWith(' SIP/2.0', end - 8)) {
    const tokenEnd = endOfMethod(text, start)
    if (tokenEnd > start && text.charCodeAt(tokenEnd) === SP && tokenEnd + 1 < end - 8) {
      return { isRequest: true, start, tokenEnd, valueStart: tokenEnd + 1, valueEnd: end - 8, headersStart }
    }
  }
  const line = text.slice(start, end)
  const reply = REPLY.exec(line)
  if (reply !== null) {
    const tokenEnd = start + line.indexOf(' ') + 4
    const valueStart = Math.min(tokenEnd + 1, end)
    return { isRequest: false, start, tokenEnd, valueStart, valueEnd: end, headersStart }
  }
  return lenientRequest(text, line, start, headersStart)
}

/** More than one space between the parts, another version: RFC 4475 asks to read these, if only to answer them. */
function lenientRequest(text: string, line: string, start: number, headersStart: number): StartLine | null {
  const version = VERSION_AT_END.exec(line)
  const tokenEnd = endOfMethod(text, start)
  if (version === null || tokenEnd === start || text.charCodeAt(tokenEnd) !== SP) return null
  let valueStart = tokenEnd
  while (text.charCodeAt(valueStart) === SP) valueStart++
  const valueEnd = start + version.index
  if (valueStart >= valueEnd) return null
  return { isRequest: true, start, tokenEnd, valueStart, valueEnd, headersStart }
}

function endOfMethod(text: string, start: number): number {
  METHOD_END.lastIndex = start
  const match = METHOD_END.exec(text)
  return match === null ? text.length : match.index
}

/** @throws SIPMessageError ERR_SIPLET_NOT_SIP that shows what stands there instead */
export function startLine(text: string): StartLine {
  const found = findStartLine(text)
  if (found !== null) return found
  const line = JSON.stringify(text.slice(0, 60))
  throw new SIPMessageError(
    'ERR_SIPLET_NOT_SIP',
    `${text === '' ? 'an empty message' : line} is not SIP: it does not begin with a request line or a status line`,
  )
}

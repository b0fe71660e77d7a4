/** Rules for one header line, by the grammar of its name. */

import { credentialsAt } from './credentials.ts'
import { append, type Finding, finding, shown } from './findings.ts'
import type { HeaderLine } from './header-line.ts'
import { cseqAt, integerAt, rackAt } from './header-values.ts'
import { elementEnd } from './list.ts'
import { mediaTypeAt } from './media-type.ts'
import type { SIPMessage } from './message.ts'
import { addressAt, angleBracket } from './name-addr.ts'
import { find, isToken, QUOTE, quotedEnd, skipLWS, TOKEN, trimEnd } from './scan.ts'
import { tokenValueAt } from './token-value.ts'
import { KNOWN_SCHEMES, parseURI } from './uri.ts'
import { MAGIC_COOKIE, viaAt } from './via.ts'

/** One parameter of a header: a token, optionally followed by "=" and a token, host or quoted string. */
const PARAMETER = new RegExp(`\\s*;\\s*${TOKEN}(?:\\s*=\\s*(?:"(?:[^"\\\\]|\\\\[^])*"|[^\\s;,="<>]+))?`, 'y')
/**
 * Values as almost all are: a subset of the grammars in which nothing can be wrong. Matching a value with one
 * expression costs a fraction of examining it.
 */
const PLAIN_PARAMETERS = `(?:;[A-Za-z-]+(?:=${TOKEN})?)*`
const PLAIN_HOST = '[A-Za-z0-9.-]+(?::[1-5]?\\d{1,4})?'
const PLAIN_URI = `sips?:(?:[\\w.+-]+@)?${PLAIN_HOST}${PLAIN_PARAMETERS}`
const PLAIN_NAME_ADDR = `(?:"[\\w .-]*" ?|(?:${TOKEN} )*)<${PLAIN_URI}>`
const PLAIN_ADDRESS = new RegExp(`${PLAIN_NAME_ADDR}${PLAIN_PARAMETERS}`, 'y')
const PLAIN_FROM = new RegExp(`${PLAIN_NAME_ADDR};tag=${TOKEN}${PLAIN_PARAMETERS}`, 'y')
const PLAIN_VIA = new RegExp(
  `SIP/2\\.0/[A-Z]+ ${PLAIN_HOST};branch=${MAGIC_COOKIE}${TOKEN}${PLAIN_PARAMETERS}`,
  'y',
)
const DATE =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT$/
const AUTH_SCHEMES = ['digest', 'basic', 'bearer']
const BODY_OF_INVITE =
  /^(?:application\/(?:sdp|isup|qsig|vnd\..*|pidf\+xml|resource-lists\+xml)|multipart\/.*|message\/.*|text\/.*)$/i
/** The IANA registry of SIP option tags. */
const OPTION_TAGS =
  '100rel 199 answermode early-session eventlist explicitsub from-change geolocation-http geolocation-sip gin gruu histinfo ice join multiple-refer norefersub nosub outbound path policy precondition pref privacy recipient-list-invite recipient-list-message recipient-list-subscribe record-aware replaces resource-priority sdp-anat sec-agree siprec tdialog timer trickle-ice uui'.split(
    ' ',
  )

/** Largest value, and the section that defines it. */
const RANGES: Record<string, readonly [largest: number, section: string]> = {
  'Max-Forwards': [255, '20.22'],
  Expires: [2 ** 32 - 1, '20.19'],
  'Min-Expires': [2 ** 32 - 1, '20.23'],
  'Content-Length': [Number.MAX_SAFE_INTEGER, '20.14'],
  RSeq: [2 ** 32 - 1, 'RFC 3262 section 7.1'],
}

/** Returns the findings of one header line. */
export function validateHeader(text: string, line: HeaderLine, message: SIPMessage): Finding[] {
  const { known, start, nameEnd, valueStart, valueEnd } = line
  if (line.colon === -1 || (known === undefined && !isToken(text.slice(start, nameEnd)))) {
    return [
      finding(
        'HEADER_MALFORMED',
        start,
        `${shown(text.slice(start, valueEnd))} is not a header: name, colon, value`,
      ),
    ]
  }
  switch (known?.kind) {
    case 'via':
      return elements(text, line, (from, to) => validateVia(text, from, to, message))
    case 'address':
      return validateAddress(text, valueStart, valueEnd, known.name)
    case 'addresses':
      return elements(text, line, (from, to) => validateAddress(text, from, to, known.name))
    case 'contact':
      if (text.slice(valueStart, valueEnd) === '*') return []
      return elements(text, line, (from, to) => validateAddress(text, from, to, known.name))
    case 'cseq':
      return validateCSeq(text, line, message)
    case 'rack':
      return validateRAck(text, line)
    case 'integer':
      return validateInteger(text, line)
    case 'media-type':
      return validateContentType(text, line, message)
    case 'credentials':
      return validateCredentials(text, line)
    case 'token':
      return validateToken(text, line)
    case 'tokens':
      return validateTokens(text, line, message)
    default:
      return validateText(text, line)
  }
}

/** Returns the findings of all elements of a list, including empty ones. */
function elements(
  text: string,
  line: HeaderLine,
  validate: (start: number, end: number) => Finding[],
): Finding[] {
  const findings: Finding[] = []
  const { valueStart, valueEnd } = line
  for (let at = valueStart; at <= valueEnd; ) {
    const next = elementEnd(text, at, valueEnd)
    const start = skipLWS(text, at, next)
    if (start === next)
      findings.push(finding('LIST_ELEMENT_EMPTY', at, `${line.known!.name} has an empty value`))
    else append(findings, validate(start, trimEnd(text, start, next)))
    at = next + 1
  }
  return findings
}

function isPlain(pattern: RegExp, text: string, start: number, end: number): boolean {
  pattern.lastIndex = start
  return pattern.test(text) && pattern.lastIndex === end
}

function validateVia(text: string, start: number, end: number, message: SIPMessage): Finding[] {
  if (message.isRequest && isPlain(PLAIN_VIA, text, start, end)) return []
  const via = viaAt(text, start, end)
  if (via === null) return [malformed('Via', text, start, end, 'SIP/2.0/UDP host:port;branch=…')]
  const { branch, host } = via
  const findings: Finding[] = []
  if (branch === null)
    findings.push(finding('VIA_BRANCH_MISSING', start, 'a Via has no branch, as in RFC 2543'))
  else if (branch === MAGIC_COOKIE) {
    findings.push(finding('VIA_BRANCH_EMPTY', start, `the branch is ${MAGIC_COOKIE} and nothing else`))
  } else if (!branch.startsWith(MAGIC_COOKIE)) {
    findings.push(
      finding('VIA_BRANCH_RFC2543', start, `the branch ${shown(branch)} does not begin with ${MAGIC_COOKIE}`),
    )
  }
  if (via.port !== null && via.port > 65_535) {
    findings.push(range('port of Via', text, start, end, 65_535, '25.1'))
  }
  if (!message.isRequest && host === '255.255.255.255') {
    findings.push(finding('VIA_BROADCAST', start, 'a reply would go to the broadcast address'))
  }
  return withParameters(findings, text, find(text, ';', start, end), end)
}

function validateAddress(text: string, start: number, end: number, name: string): Finding[] {
  // A Contact is always examined: its `expires` may be out of range.
  if (name !== 'Contact' && isPlain(name === 'From' ? PLAIN_FROM : PLAIN_ADDRESS, text, start, end)) return []
  if (text.charCodeAt(start) === QUOTE && quotedEnd(text, start, end) === -1) {
    return [finding('QUOTED_STRING_UNTERMINATED', start, `the display name of ${name} has no closing quote`)]
  }
  const address = addressAt(text, start, end)
  if (address === null) return [malformed(name, text, start, end, '"Name" <sip:user@host>')]
  const findings: Finding[] = []
  if (name === 'Contact' && Number(address.parameters.get('expires')) >= 2 ** 32) {
    findings.push(range('expires of Contact', text, start, end, 2 ** 32 - 1, '20.10'))
  }
  if (name === 'From' && address.tag === null)
    findings.push(finding('FROM_TAG_MISSING', start, 'From has no tag, as in RFC 2543'))
  const open = text.charCodeAt(start) === QUOTE ? quotedEnd(text, start, end) : start
  const bracket = angleBracket(text, open, end)
  const { uri } = address
  const parsed = parseURI(uri)
  if (parsed === null) findings.push(finding('URI_MALFORMED', start, `${shown(uri)} in ${name} is not a URI`))
  else if (!KNOWN_SCHEMES.includes(parsed.scheme) && !/-Info$|^Diversion$/.test(name)) {
    findings.push(
      finding('URI_SCHEME_UNKNOWN', start, `the URI of ${name} has the scheme ${parsed.scheme}`, '8.1.1'),
    )
  }
  if (bracket === end) {
    if (/[?,]/.test(uri)) {
      findings.push(
        finding('ADDR_SPEC_BRACKETS', start, `${shown(uri)} in ${name} must stand within < and >`),
      )
    }
    return withParameters(findings, text, find(text, ';', start, end), end)
  }
  const close = find(text, '>', bracket, end)
  const inner = text.slice(bracket + 1, close)
  if (inner.trim() !== inner)
    findings.push(finding('ADDR_SPEC_LWS', bracket, `white space within < and > of ${name}`))
  const displayName = text.slice(open, bracket).trim()
  if (displayName !== '' && !displayName.split(/\s+/).every(isToken)) {
    findings.push(
      finding(
        'DISPLAY_NAME_TOKENS',
        start,
        `the display name ${shown(displayName)} of ${name} must stand in quotes`,
      ),
    )
  }
  return withParameters(findings, text, close + 1, end)
}

/** Adds the findings of the parameters; see {@link validateParameters}. */
function withParameters(findings: Finding[], text: string, start: number, end: number): Finding[] {
  const ofParameters = validateParameters(text, start, end)
  if (findings.length === 0) return ofParameters
  append(findings, ofParameters)
  return findings
}

/** @param start offset at which the first semicolon is expected, after optional white space */
function validateParameters(text: string, start: number, end: number): Finding[] {
  // A slice, so that a name at the end does not find its value on the next line.
  const value = text.slice(start, end)
  let at = 0
  while (at < value.length) {
    PARAMETER.lastIndex = at
    if (!PARAMETER.test(value)) break
    at = PARAMETER.lastIndex
  }
  if (skipLWS(value, at, value.length) === value.length) return []
  return [finding('PARAMETERS_MALFORMED', start + at, `${shown(value.slice(at))} is not a parameter`)]
}

function validateCSeq(text: string, { valueStart, valueEnd }: HeaderLine, message: SIPMessage): Finding[] {
  const cseq = cseqAt(text, valueStart, valueEnd)
  if (cseq === null) return [malformed('CSeq', text, valueStart, valueEnd, '1 INVITE')]
  const findings: Finding[] = []
  if (cseq.number >= 2 ** 31) findings.push(range('CSeq', text, valueStart, valueEnd, 2 ** 31 - 1, '8.1.1.5'))
  if (message.method !== null && cseq.method !== message.method) {
    findings.push(
      finding(
        'CSEQ_METHOD_MISMATCH',
        valueStart,
        `CSeq says ${shown(cseq.method)}, the request ${shown(message.method)}`,
      ),
    )
  }
  return findings
}

function validateRAck(text: string, { valueStart, valueEnd }: HeaderLine): Finding[] {
  const rack = rackAt(text, valueStart, valueEnd)
  if (rack === null) return [malformed('RAck', text, valueStart, valueEnd, '1 1 INVITE')]
  return rack.rseq >= 2 ** 32 || rack.cseq.number >= 2 ** 31
    ? [range('RAck', text, valueStart, valueEnd, 2 ** 31 - 1, 'RFC 3262 section 7.2')]
    : []
}

function validateInteger(text: string, { known, valueStart, valueEnd }: HeaderLine): Finding[] {
  const { name } = known!
  const value = integerAt(text, valueStart, valueEnd)
  if (value === null) return [malformed(name, text, valueStart, valueEnd, 'a number')]
  const limits = RANGES[name]
  if (limits !== undefined && value > limits[0]) return [range(name, text, valueStart, valueEnd, ...limits)]
  return name === 'Max-Forwards' && value === 0
    ? [finding('MAX_FORWARDS_ZERO', valueStart, 'Max-Forwards is 0: no proxy may forward it')]
    : []
}

function validateContentType(
  text: string,
  { valueStart, valueEnd }: HeaderLine,
  message: SIPMessage,
): Finding[] {
  const type = mediaTypeAt(text, valueStart, valueEnd)
  if (type === null) return [malformed('Content-Type', text, valueStart, valueEnd, 'application/sdp')]
  const name = `${type.type}/${type.subtype}`
  return message.method === 'INVITE' && !BODY_OF_INVITE.test(name)
    ? [finding('CONTENT_TYPE_UNKNOWN', valueStart, `an INVITE has a body of type ${name}`)]
    : []
}

function validateCredentials(text: string, { known, valueStart, valueEnd }: HeaderLine): Finding[] {
  const credentials = credentialsAt(text, valueStart, valueEnd)
  if (credentials === null) return [malformed(known!.name, text, valueStart, valueEnd, 'Digest realm="…"')]
  return AUTH_SCHEMES.includes(credentials.scheme.toLowerCase())
    ? []
    : [
        finding(
          'AUTH_SCHEME_UNKNOWN',
          valueStart,
          `${known!.name} has the scheme ${shown(credentials.scheme)}`,
        ),
      ]
}

function validateToken(text: string, { known, valueStart, valueEnd }: HeaderLine): Finding[] {
  const read = tokenValueAt(text, valueStart, valueEnd)
  if (read === null)
    return [malformed(known!.name, text, valueStart, valueEnd, 'a token, with parameters or not')]
  return validateParameters(text, valueStart + read.value.length, valueEnd)
}

function validateTokens(text: string, line: HeaderLine, message: SIPMessage): Finding[] {
  const { name } = line.known!
  if (name === 'Require' || name === 'Proxy-Require') {
    return elements(text, line, (start, end) => {
      const tag = text.slice(start, end)
      return OPTION_TAGS.includes(tag.toLowerCase())
        ? []
        : [
            finding(
              'OPTION_TAG_UNKNOWN',
              start,
              `${name} has the option tag ${shown(tag)}, which is not registered`,
            ),
          ]
    })
  }
  if (name === 'Accept' && message.method === 'INVITE') {
    const value = text.slice(line.valueStart, line.valueEnd)
    return /application\/(?:sdp|\*)|\*\/\*/i.test(value)
      ? []
      : [finding('ACCEPT_WITHOUT_SDP', line.valueStart, `an INVITE accepts ${shown(value)}, but no SDP`)]
  }
  return []
}

function validateText(text: string, { known, valueStart, valueEnd }: HeaderLine): Finding[] {
  const value = text.slice(valueStart, valueEnd)
  if (known?.name === 'Date' && !DATE.test(value)) {
    return [
      finding(
        'DATE_MALFORMED',
        valueStart,
        `${shown(value)} is not a date such as Sat, 13 Nov 2010 23:29:00 GMT`,
      ),
    ]
  }
  const seconds = known?.name === 'Retry-After' ? (/^\d+/.exec(value)?.[0] ?? '') : ''
  return Number(seconds) >= 2 ** 32
    ? [range('Retry-After', text, valueStart, valueEnd, 2 ** 32 - 1, '20.33')]
    : []
}

function malformed(name: string, text: string, start: number, end: number, expected: string): Finding {
  const value = text.slice(start, end)
  return finding(
    'HEADER_MALFORMED',
    start,
    `${shown(value)} is not a value of ${name}: ${expected} is expected`,
  )
}

function range(
  name: string,
  text: string,
  start: number,
  end: number,
  largest: number,
  section: string,
): Finding {
  return finding(
    'NUMBER_RANGE',
    start,
    `${name} is ${shown(text.slice(start, end))}, more than ${largest}`,
    section,
  )
}

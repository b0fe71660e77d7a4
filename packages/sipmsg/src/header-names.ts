/** Names of headers: case does not matter, and a compact form is the same name (RFC 3261 sections 7.3.1, 7.3.3). */
import { SIPMessageError } from './errors.ts'

/** Compact forms registered with IANA (SIP parameters, header fields). */
const COMPACT: Record<string, string> = {
  a: 'accept-contact',
  b: 'referred-by',
  c: 'content-type',
  d: 'request-disposition',
  e: 'content-encoding',
  f: 'from',
  i: 'call-id',
  j: 'reject-contact',
  k: 'supported',
  l: 'content-length',
  m: 'contact',
  n: 'identity-info',
  o: 'event',
  r: 'refer-to',
  s: 'subject',
  t: 'to',
  u: 'allow-events',
  v: 'via',
  x: 'session-expires',
  y: 'identity',
}

const COMPACT_OF = new Map(Object.entries(COMPACT).map(([compact, long]) => [long, compact]))

/** A name to look for, prepared once. */
export interface HeaderName {
  /** The long form, in lower case. */
  readonly long: string
  /** The compact form, '' where there is none. */
  readonly compact: string
}

const TOKEN = /^[A-Za-z0-9\-.!%*_+`'~]+$/
const KNOWN_LIMIT = 1_000
const known = new Map<string, HeaderName>()

/** Both forms of a name, however it is written. */
export function headerName(name: string): HeaderName {
  const seen = known.get(name)
  if (seen !== undefined) return seen
  const lower = name.toLowerCase()
  const long = Object.hasOwn(COMPACT, lower) ? COMPACT[lower]! : lower
  const prepared = { long, compact: COMPACT_OF.get(long) ?? '' }
  // Names come from scripts; a script that makes them up must not fill the memory.
  if (known.size < KNOWN_LIMIT) known.set(name, prepared)
  return prepared
}

/** @throws SIPMessageError ERR_SIPLET_HEADER_NAME */
export function checkHeaderName(name: string): void {
  if (!TOKEN.test(name)) {
    throw new SIPMessageError(
      'ERR_SIPLET_HEADER_NAME',
      `${JSON.stringify(name)} is not a header name: it must be a token, such as X-Account`,
    )
  }
}

/** @throws SIPMessageError ERR_SIPLET_INJECTION */
export function checkHeaderValue(name: string, value: string): void {
  if (/[\r\n\0]/.test(value)) {
    throw new SIPMessageError(
      'ERR_SIPLET_INJECTION',
      `the value of ${name} contains CR, LF or NUL: ${JSON.stringify(value.slice(0, 80))}`,
    )
  }
}

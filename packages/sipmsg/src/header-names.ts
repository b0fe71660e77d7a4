/** Names of headers: case does not matter, and a compact form is the same name (RFC 3261 sections 7.3.1, 7.3.3). */
import { SIPMessageError } from './errors.ts'
import { COMPACT_FORMS } from './known-headers.ts'
import { isToken } from './scan.ts'

const COMPACT_OF = new Map(Object.entries(COMPACT_FORMS).map(([compact, long]) => [long, compact]))

/** A name to look for, prepared once. */
export interface HeaderName {
  /** The long form, in lower case. */
  readonly long: string
  /** The compact form, '' where there is none. */
  readonly compact: string
}

const KNOWN_LIMIT = 1_000
const known = new Map<string, HeaderName>()

/** Both forms of a name, however it is written. */
export function headerName(name: string): HeaderName {
  const seen = known.get(name)
  if (seen !== undefined) return seen
  const lower = name.toLowerCase()
  const long = Object.hasOwn(COMPACT_FORMS, lower) ? COMPACT_FORMS[lower]! : lower
  const prepared = { long, compact: COMPACT_OF.get(long) ?? '' }
  // Names come from scripts; a script that makes them up must not fill the memory.
  if (known.size < KNOWN_LIMIT) known.set(name, prepared)
  return prepared
}

/** @throws SIPMessageError ERR_SIPLET_HEADER_NAME */
export function checkHeaderName(name: string): void {
  if (!isToken(name)) {
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

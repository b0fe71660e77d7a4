/** Names of headers: case does not matter, and a compact form is the same name (RFC 3261 sections 7.3.1, 7.3.3). */
import { SIPMessageError } from './errors.ts'
import { COMPACT_FORMS, knownHeaderAt } from './known-headers.ts'
import { isToken } from './scan.ts'

/** A name to look for, prepared once. */
export interface HeaderName {
  /** As it is mostly written: the canonical name where it is known, else as given. */
  readonly usual: string
  /** The long form, in lower case, and the code of its first letter. */
  readonly long: string
  readonly longInitial: number
  /** The compact form, '' where there is none, and the code of that letter, -1 then. */
  readonly compact: string
  readonly compactInitial: number
}

const COMPACT_OF = new Map(
  Object.entries(COMPACT_FORMS).map(([compact, name]) => [name.toLowerCase(), compact]),
)
const KNOWN_LIMIT = 1_000
const known = new Map<string, HeaderName>()

/** Both forms of a name, however it is written. */
export function headerName(name: string): HeaderName {
  const seen = known.get(name)
  if (seen !== undefined) return seen
  const usual = (isToken(name) ? knownHeaderAt(name, 0, name.length)?.name : undefined) ?? name
  const long = lowerCase(usual)
  const compact = COMPACT_OF.get(long) ?? ''
  const prepared = {
    usual,
    long,
    longInitial: long.charCodeAt(0) | 32,
    compact,
    compactInitial: compact === '' ? -1 : compact.charCodeAt(0),
  }
  // Names come from scripts; a script that makes them up must not fill the memory.
  if (known.size < KNOWN_LIMIT) known.set(name, prepared)
  return prepared
}

/** Of ASCII only: other bytes of a name, malformed as it is then, are what they are. */
function lowerCase(name: string): string {
  return name.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase())
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

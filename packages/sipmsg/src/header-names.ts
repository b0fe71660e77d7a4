/** Header names. Case is ignored, and a compact form is the same name (RFC 3261 sections 7.3.1, 7.3.3). */
import { SIPMessageError } from './errors.ts'
import { COMPACT_FORMS, knownHeaderAt } from './known-headers.ts'
import { isToken } from './scan.ts'

/** A name to search for, prepared once. */
export interface HeaderName {
  /** The usual spelling: the canonical name if it is known, else the name as given. */
  readonly usual: string
  /** The long form in lower case, and the code of its first letter. */
  readonly long: string
  readonly longInitial: number
  /** The compact form and the code of its letter. '' and -1 if there is none. */
  readonly compact: string
  readonly compactInitial: number
}

const COMPACT_OF = new Map(
  Object.entries(COMPACT_FORMS).map(([compact, name]) => [name.toLowerCase(), compact]),
)
const KNOWN_LIMIT = 1_000
const known = new Map<string, HeaderName>()

/** Returns both forms of a name, in whatever form it is given. */
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
  // Bounded, because names come from scripts: a script that invents names must not fill the memory.
  if (known.size < KNOWN_LIMIT) known.set(name, prepared)
  return prepared
}

/** Converts ASCII only. A name with other bytes is malformed, and these bytes stay as they are. */
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

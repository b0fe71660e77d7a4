/**
 * Parses Authorization, WWW-Authenticate and the same headers for proxies (RFC 3261 sections 20.7, 20.44, 22; RFC
 * 2617).
 */
import { Parameters } from './parameters.ts'
import { skipLWS, tokenEnd } from './scan.ts'

/** Credentials of schemes such as Bearer and Basic (RFC 7235 section 2.1). Digest always has parameters. */
const TOKEN68 = /^[\w.~+/-]+=*\s*$/

/** Credentials or a challenge: `Digest realm="example.com", nonce="…"`. */
export interface Credentials {
  /** The scheme as written, such as `Digest`. */
  readonly scheme: string
  /** Unquoted values. If a scheme has no parameters, its text is the name of the first parameter. */
  readonly parameters: Parameters
}

/**
 * @param value value of one header line. Commas in it separate parameters, not values (section 7.3.1)
 * @returns null if there is no scheme, or nothing after the scheme
 */
export function parseCredentials(value: string): Credentials | null {
  return credentialsAt(value, 0, value.length)
}

/** Like {@link parseCredentials}, for text[start..end). */
export function credentialsAt(text: string, start: number, end: number): Credentials | null {
  const schemeEnd = tokenEnd(text, start, end)
  const at = skipLWS(text, schemeEnd, end)
  if (schemeEnd === start || at === schemeEnd || at === end) return null
  const scheme = text.slice(start, schemeEnd)
  const single = TOKEN68.test(text.slice(at, end)) && scheme.toLowerCase() !== 'digest'
  return { scheme, parameters: new Parameters(text, at, end, ',', single) }
}

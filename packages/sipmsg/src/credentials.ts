/** Authorization, WWW-Authenticate and their proxy kin (RFC 3261 sections 20.7, 20.44, 22; RFC 2617). */
import { Parameters } from './parameters.ts'
import { skipLWS, tokenEnd } from './scan.ts'

/** Credentials or a challenge: `Digest realm="example.com", nonce="…"`. */
export interface Credentials {
  /** As written, such as `Digest`. */
  readonly scheme: string
  /** Values unquoted. Of schemes that have no parameters, the first name is what stands there. */
  readonly parameters: Parameters
}

/**
 * @param value of one header line: commas in it separate parameters, not values (section 7.3.1)
 * @returns null where there is no scheme, or nothing behind it
 */
export function parseCredentials(value: string): Credentials | null {
  return credentialsAt(value, 0, value.length)
}

/** {@link parseCredentials} of text[start..end). */
export function credentialsAt(text: string, start: number, end: number): Credentials | null {
  const schemeEnd = tokenEnd(text, start, end)
  const at = skipLWS(text, schemeEnd, end)
  if (schemeEnd === start || at === schemeEnd || at === end) return null
  return { scheme: text.slice(start, schemeEnd), parameters: new Parameters(text, at, end, ',') }
}

/** Event, Subscription-State (RFC 6665), Session-Expires (RFC 4028), Content-Disposition: a token with parameters. */
import { Parameters } from './parameters.ts'
import { SEMICOLON, skipLWS, tokenEnd } from './scan.ts'

export interface TokenValue {
  /** The token as written, such as `presence` or `active`. */
  readonly value: string
  readonly parameters: Parameters
}

/** Parses text[start..end). Returns null if it does not begin with a token, or if anything but parameters follows. */
export function tokenValueAt(text: string, start: number, end: number): TokenValue | null {
  const valueEnd = tokenEnd(text, start, end)
  const rest = skipLWS(text, valueEnd, end)
  if (valueEnd === start || (rest < end && text.charCodeAt(rest) !== SEMICOLON)) return null
  return { value: text.slice(start, valueEnd), parameters: new Parameters(text, rest, end) }
}

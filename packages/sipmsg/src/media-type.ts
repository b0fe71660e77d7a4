/** Content-Type and the elements of Accept (RFC 3261 section 20.15). */
import { Parameters } from './parameters.ts'
import { find, SEMICOLON, skipLWS, TOKEN, trimEnd } from './scan.ts'

const RANGE = new RegExp(`${TOKEN}\\s*/\\s*${TOKEN}`, 'y')

export interface MediaType {
  /** As written, such as `application`. */
  readonly type: string
  readonly subtype: string
  readonly parameters: Parameters
}

/** @returns null where it is not `type/subtype` */
export function parseMediaType(value: string): MediaType | null {
  return mediaTypeAt(value, 0, value.length)
}

/** {@link parseMediaType} of text[start..end). */
export function mediaTypeAt(text: string, start: number, end: number): MediaType | null {
  RANGE.lastIndex = start
  const slash = find(text, '/', start, end)
  if (!RANGE.test(text) || RANGE.lastIndex > end) return null
  const rest = skipLWS(text, RANGE.lastIndex, end)
  if (rest < end && text.charCodeAt(rest) !== SEMICOLON) return null
  return {
    type: text.slice(start, trimEnd(text, start, slash)),
    subtype: text.slice(skipLWS(text, slash + 1, rest), trimEnd(text, slash, rest)),
    parameters: new Parameters(text, rest, end),
  }
}

/** Content-Type and the elements of Accept (RFC 3261 section 20.15). */
import { Parameters } from './parameters.ts'
import { SEMICOLON, SLASH, skipLWS, tokenEnd } from './scan.ts'

export interface MediaType {
  /** The type as written, such as `application`. */
  readonly type: string
  readonly subtype: string
  readonly parameters: Parameters
}

/** @returns null if the value is not `type/subtype` */
export function parseMediaType(value: string): MediaType | null {
  return mediaTypeAt(value, 0, value.length)
}

/** Like {@link parseMediaType}, for text[start..end). */
export function mediaTypeAt(text: string, start: number, end: number): MediaType | null {
  const typeEnd = tokenEnd(text, start, end)
  const slash = skipLWS(text, typeEnd, end)
  if (typeEnd === start || slash === end || text.charCodeAt(slash) !== SLASH) return null
  const subtypeStart = skipLWS(text, slash + 1, end)
  const subtypeEnd = tokenEnd(text, subtypeStart, end)
  const rest = skipLWS(text, subtypeEnd, end)
  if (subtypeEnd === subtypeStart || (rest < end && text.charCodeAt(rest) !== SEMICOLON)) return null
  return {
    type: text.slice(start, typeEnd),
    subtype: text.slice(subtypeStart, subtypeEnd),
    parameters: new Parameters(text, rest, end),
  }
}

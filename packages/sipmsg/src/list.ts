/** Comma-separated values of one header (RFC 3261 section 7.3.1). */
import {
  COMMA,
  commentEnd,
  LEFT_ANGLE,
  LEFT_PAREN,
  QUOTE,
  quotedEnd,
  RIGHT_ANGLE,
  skipLWS,
  trimEnd,
} from './scan.ts'

/**
 * What `parse` makes of every element of text[start..end), white space around it excluded. Commas within quoted
 * strings, angle brackets and comments separate nothing. Empty elements are passed over.
 */
export function parseElements<T>(
  text: string,
  start: number,
  end: number,
  parse: (text: string, start: number, end: number) => T,
): T[] {
  const comma = text.indexOf(',', start)
  if (comma === -1 || comma >= end) {
    const from = skipLWS(text, start, end)
    return from === end ? [] : [parse(text, from, trimEnd(text, from, end))]
  }
  const values: T[] = []
  for (let at = start; at < end; ) {
    const next = elementEnd(text, at, end)
    const from = skipLWS(text, at, next)
    const to = trimEnd(text, from, next)
    if (to > from) values.push(parse(text, from, to))
    at = next + 1
  }
  return values
}

/** Offset of the comma behind the element that `at` is in, `end` where it is the last one. */
export function elementEnd(text: string, at: number, end: number): number {
  while (at < end) {
    const code = text.charCodeAt(at)
    if (code === COMMA) return at
    if (code === QUOTE) at = closed(quotedEnd(text, at, end), end)
    else if (code === LEFT_ANGLE) {
      do at++
      while (at < end && text.charCodeAt(at) !== RIGHT_ANGLE)
    } else if (code === LEFT_PAREN) at = closed(commentEnd(text, at, end), end)
    else at++
  }
  return end
}

/** What is never closed goes on to the end. */
function closed(offset: number, end: number): number {
  return offset === -1 ? end : offset
}

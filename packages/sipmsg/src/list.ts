/** Comma-separated values of one header (RFC 3261 section 7.3.1). */
import { COMMA, commentEnd, find, LEFT_ANGLE, QUOTE, quotedEnd, skipLWS, trimEnd } from './scan.ts'
import { textAt } from './text.ts'

/** Where a value may end, or where commas begin to mean nothing. */
const SPECIAL = /[,"<(]/g
/** By character: 0 for what is part of a plain element, one-line ASCII without quotes, brackets and comments. */
const PLACE = new Uint8Array(256)
const BETWEEN = 1
const NOT_PLAIN = 2
PLACE.fill(NOT_PLAIN, 0x80)
for (const character of '"<(\n') PLACE[character.charCodeAt(0)] = NOT_PLAIN
PLACE[COMMA] = BETWEEN

/** Elements of text[start..end) as strings: unfolded, UTF-8 decoded. Empty ones are passed over. */
export function textElements(text: string, start: number, end: number): string[] {
  const values: string[] = []
  for (let at = start; at < end; at++) {
    const from = skipLWS(text, at, end)
    let place = 0
    for (at = from; at < end; at++) {
      place = PLACE[text.charCodeAt(at)]!
      if (place !== 0) break
    }
    if (place === NOT_PLAIN) return parseElements(text, start, end, textAt)
    if (at > from) values.push(text.slice(from, trimEnd(text, from, at)))
  }
  return values
}

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
  // Within the slice, for the cost of a search that goes on to the end of the message would be quadratic in all.
  if (!text.slice(start, end).includes(',')) {
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
  const start = at
  const value = text.slice(start, end)
  while (at < end) {
    SPECIAL.lastIndex = at - start
    if (!SPECIAL.test(value)) return end
    at = start + SPECIAL.lastIndex - 1
    const code = text.charCodeAt(at)
    if (code === COMMA) return at
    if (code === LEFT_ANGLE) at = find(text, '>', at, end)
    else at = closed(code === QUOTE ? quotedEnd(text, at, end) : commentEnd(text, at, end), end)
  }
  return end
}

/** What is never closed goes on to the end. */
function closed(offset: number, end: number): number {
  return offset === -1 ? end : offset
}

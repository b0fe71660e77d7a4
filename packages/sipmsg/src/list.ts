/** Comma-separated values of one header (RFC 3261 section 7.3.1). */
import { COMMA, find, LEFT_ANGLE, quotedEnd, skipLWS, trimEnd } from './scan.ts'
import { textAt } from './text.ts'

/** Characters that may end a value, or that begin a part in which commas have no meaning. */
const SPECIAL = /[,"<]/g
/**
 * By character: 0 for characters of a plain element, which is one line of ASCII without quotes and brackets.
 */
const PLACE = new Uint8Array(256)
const BETWEEN = 1
const NOT_PLAIN = 2
PLACE.fill(NOT_PLAIN, 0x80)
for (const character of '"<\n') PLACE[character.charCodeAt(0)] = NOT_PLAIN
PLACE[COMMA] = BETWEEN

/** Returns the elements of text[start..end) as strings: unfolded and decoded from UTF-8. Empty elements are skipped. */
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
 * Returns the result of `parse` for each element of text[start..end), without the white space around it. Commas within
 * quoted strings and angle brackets do not separate elements. Comments are not recognised: no header whose values are a
 * list allows them (section 25.1). Empty elements are skipped.
 */
export function parseElements<T>(
  text: string,
  start: number,
  end: number,
  parse: (text: string, start: number, end: number) => T,
): T[] {
  // Search the slice only: a search to the end of the message for each header would be quadratic in total.
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

/** Returns the offset of the comma after the element that contains `at`; `end` if it is the last element. */
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
    else at = closed(quotedEnd(text, at, end), end)
  }
  return end
}

/** A part that is never closed extends to the end. */
function closed(offset: number, end: number): number {
  return offset === -1 ? end : offset
}

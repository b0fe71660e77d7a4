/**
 * Scans header values; shared by all grammars (RFC 3261 section 25.1). Offsets are into one-byte text.
 *
 * In V8, one charCodeAt costs about as much as a native search over ten bytes. So text that may be long is searched
 * with slice and indexOf (a slice copies nothing). Short text is read character by character.
 */

export const TAB = 9
export const LF = 10
export const CR = 13
export const SP = 32
export const QUOTE = 34
export const COMMA = 44
export const SLASH = 47
export const COLON = 58
export const SEMICOLON = 59
export const LEFT_ANGLE = 60
export const EQUALS = 61
export const LEFT_BRACKET = 91
const BACKSLASH = 92

/** A token, as part of a regular expression. */
export const TOKEN = "[A-Za-z0-9\\-.!%*_+`'~]+"
const IN_TOKEN = new Uint8Array(256)
for (const character of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.!%*_+`'~") {
  IN_TOKEN[character.charCodeAt(0)] = 1
}

export function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

/** Returns the offset after the digits that start at `at`; `at` if there are none. */
export function digitsEnd(text: string, at: number, end: number): number {
  while (at < end && isDigit(text.charCodeAt(at))) at++
  return at
}

export function isToken(text: string): boolean {
  return text !== '' && tokenEnd(text, 0, text.length) === text.length
}

/** Returns the offset after the token that starts at `at`; `at` if there is none. */
export function tokenEnd(text: string, at: number, end: number): number {
  while (at < end && IN_TOKEN[text.charCodeAt(at)] === 1) at++
  return at
}

/** Returns whether the name is at `at`, in any case. Names are short, and comparing strings would cost V8 a call. */
export function sameName(text: string, at: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const code = text.charCodeAt(at + i)
    const wanted = name.charCodeAt(i)
    if (code !== wanted && (!isLetter(wanted) || (code ^ 32) !== wanted)) return false
  }
  return true
}

function isLetter(code: number): boolean {
  return ((code | 32) - 97) >>> 0 < 26
}

/** Returns whether the character is white space within a header value. Folds count as white space. */
export function isLWS(code: number): boolean {
  return code <= SP && (code === SP || code === TAB || code === CR || code === LF)
}

export function skipLWS(text: string, at: number, end: number): number {
  while (at < end && isLWS(text.charCodeAt(at))) at++
  return at
}

/**
 * Returns the offset of the character in text[at..end); `end` if it is not there. Unlike indexOf, the search never goes
 * beyond `end`.
 */
export function find(text: string, character: string, at: number, end: number): number {
  const found = text.slice(at, end).indexOf(character)
  return found === -1 ? end : at + found
}

/** Returns `end` without the white space before it. */
export function trimEnd(text: string, start: number, end: number): number {
  while (end > start && isLWS(text.charCodeAt(end - 1))) end--
  return end
}

/** Returns the offset after the quoted string that starts at `at`; -1 if it is not closed. */
export function quotedEnd(text: string, at: number, end: number): number {
  for (at++; at < end; at++) {
    const code = text.charCodeAt(at)
    if (code === BACKSLASH) at++
    else if (code === QUOTE) return at + 1
  }
  return -1
}

/** Returns the text between the quotes at `start` and before `end`, with escapes resolved. */
export function unquoted(text: string, start: number, end: number): string {
  const content = text.slice(start + 1, end - 1)
  return content.includes('\\') ? content.replaceAll(/\\([\s\S])/g, '$1') : content
}

/** Returns a value on one line: each fold, with the white space around it, becomes one space (section 7.3.1). */
export function unfold(value: string): string {
  let at = value.indexOf('\n')
  if (at === -1) return value
  let result = ''
  let start = 0
  for (; at !== -1; at = value.indexOf('\n', start)) {
    result += `${value.slice(start, trimEnd(value, start, at))} `
    start = skipLWS(value, at, value.length)
  }
  return result + value.slice(start)
}

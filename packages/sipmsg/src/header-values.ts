/** A header line, parsed by the grammar of its name. */
import { type Credentials, credentialsAt } from './credentials.ts'
import type { KnownHeader } from './known-headers.ts'
import { parseElements } from './list.ts'
import { type MediaType, mediaTypeAt } from './media-type.ts'
import { type Address, addressAt } from './name-addr.ts'
import { LF, skipLWS, tokenEnd, unfold } from './scan.ts'
import { decodeUtf8 } from './utf8.ts'
import { type Via, viaAt } from './via.ts'

const ASTERISK = 42

/** CSeq (RFC 3261 section 20.16). */
export interface CSeq {
  readonly number: number
  readonly method: string
}

/** What a value may be; null stands for a malformed one. */
export type HeaderValue = Via | Address | CSeq | MediaType | Credentials | number | string | null

export interface Header {
  /** The canonical name where it is known (`Via` for `v`), else as written. */
  readonly name: string
  /** One value a list element; see {@link HeaderValue}. `*` of a Contact is the string. */
  readonly values: readonly HeaderValue[]
}

/** Values of text[start..end), the value of one header line without the white space around it. */
export function headerValues(
  known: KnownHeader | undefined,
  text: string,
  start: number,
  end: number,
): HeaderValue[] {
  switch (known?.kind) {
    case 'via':
      return parseElements(text, start, end, viaAt)
    case 'address':
      return [addressAt(text, start, end)]
    case 'contact':
      return end - start === 1 && text.charCodeAt(start) === ASTERISK
        ? ['*']
        : parseElements(text, start, end, addressAt)
    case 'addresses':
      return parseElements(text, start, end, addressAt)
    case 'cseq':
      return [cseqAt(text, start, end)]
    case 'integer':
      return [integerAt(text, start, end)]
    case 'media-type':
      return [mediaTypeAt(text, start, end)]
    case 'tokens':
      return parseElements(text, start, end, textAt)
    case 'credentials':
      return [credentialsAt(text, start, end)]
    default:
      return [textAt(text, start, end)]
  }
}

/** CSeq of text[start..end); null where malformed. The number is not checked against its range here. */
export function cseqAt(text: string, start: number, end: number): CSeq | null {
  let at = start
  let number = 0
  for (; at < end; at++) {
    const digit = text.charCodeAt(at) - 48
    if (digit < 0 || digit > 9) break
    number = 10 * number + digit
  }
  const methodStart = skipLWS(text, at, end)
  if (at === start || methodStart === at || methodStart === end) return null
  if (tokenEnd(text, methodStart, end) !== end) return null
  return { number, method: text.slice(methodStart, end) }
}

/** The number that text[start..end) is; null where it is anything but digits. */
export function integerAt(text: string, start: number, end: number): number | null {
  let at = start
  let number = 0
  for (; at < end; at++) {
    const digit = text.charCodeAt(at) - 48
    if (digit < 0 || digit > 9) break
    number = 10 * number + digit
  }
  return at === start || at < end ? null : number
}

/** The value as text: unfolded, UTF-8 decoded, invalid bytes as U+FFFD. */
export function textAt(text: string, start: number, end: number): string {
  const value = text.slice(start, end)
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at)
    if (code > 127 || code === LF) return decodeUtf8(unfold(value))
  }
  return value
}

/** Parses a header line by the grammar of its name. */
import { type Credentials, credentialsAt } from './credentials.ts'
import type { KnownHeader } from './known-headers.ts'
import { parseElements, textElements } from './list.ts'
import { type MediaType, mediaTypeAt } from './media-type.ts'
import { methodAt } from './methods.ts'
import { type Address, addressAt } from './name-addr.ts'
import { digitsEnd, isDigit, skipLWS, tokenEnd } from './scan.ts'
import { textAt } from './text.ts'
import { type TokenValue, tokenValueAt } from './token-value.ts'
import { type Via, viaAt } from './via.ts'

const ASTERISK = 42

/** CSeq (RFC 3261 section 20.16). */
export interface CSeq {
  readonly number: number
  readonly method: string
}

/** RAck (RFC 3262 section 7.2): the RSeq and the CSeq of the reply that a PRACK acknowledges. */
export interface RAck {
  readonly rseq: number
  readonly cseq: CSeq
}

/** A parsed value. Null stands for a malformed value. */
export type HeaderValue =
  | Via
  | Address
  | CSeq
  | RAck
  | MediaType
  | TokenValue
  | Credentials
  | number
  | string
  | null

export interface Header {
  /** The canonical name if it is known (`Via` for `v`), else the name as written. */
  readonly name: string
  /** One value per list element; see {@link HeaderValue}. The `*` of a Contact is the string `*`. */
  readonly values: readonly HeaderValue[]
}

/** Returns the values of text[start..end): the value of one header line, without the white space around it. */
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
    case 'rack':
      return [rackAt(text, start, end)]
    case 'integer':
      return [integerAt(text, start, end)]
    case 'media-type':
      return [mediaTypeAt(text, start, end)]
    case 'token':
      return [tokenValueAt(text, start, end)]
    case 'tokens':
      return textElements(text, start, end)
    case 'credentials':
      return [credentialsAt(text, start, end)]
    default:
      return [textAt(text, start, end)]
  }
}

/** Parses a CSeq in text[start..end). Returns null if it is malformed. Does not check the range of the number. */
export function cseqAt(text: string, start: number, end: number): CSeq | null {
  const at = digitsEnd(text, start, end)
  const number = integerAt(text, start, at)
  const methodStart = skipLWS(text, at, end)
  if (number === null || methodStart === at || methodStart === end) return null
  if (tokenEnd(text, methodStart, end) !== end) return null
  return { number, method: methodAt(text, methodStart, end) }
}

/** Parses a RAck in text[start..end). Returns null if it is malformed. Does not check the range of the numbers. */
export function rackAt(text: string, start: number, end: number): RAck | null {
  const numberEnd = digitsEnd(text, start, end)
  const rseq = integerAt(text, start, numberEnd)
  const cseqStart = skipLWS(text, numberEnd, end)
  const cseq = cseqStart === numberEnd ? null : cseqAt(text, cseqStart, end)
  return rseq === null || cseq === null ? null : { rseq, cseq }
}

/** Returns text[start..end) as a number. Returns null if it contains anything but digits. */
export function integerAt(text: string, start: number, end: number): number | null {
  let number = 0
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at)
    if (!isDigit(code)) return null
    number = 10 * number + code - 48
  }
  return start === end ? null : number
}

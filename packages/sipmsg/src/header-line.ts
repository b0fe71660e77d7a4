/** One header line as offsets into the text: what a validator, or whoever marks places in a message, needs. */
import type { HeaderIndex } from './header-index.ts'
import { type KnownHeader, knownHeaderAt } from './known-headers.ts'

export interface HeaderLine {
  /** Canonical name and grammar, where the name is known. */
  readonly known: KnownHeader | undefined
  readonly start: number
  readonly nameEnd: number
  /** -1 for a line without a colon. */
  readonly colon: number
  /** The value, without the white space around it. */
  readonly valueStart: number
  readonly valueEnd: number
}

export function headerLineAt(index: HeaderIndex, text: string, k: number): HeaderLine {
  const start = index.start(k)
  const colon = index.colon(k)
  const nameEnd = index.nameEnd(k, colon)
  const valueStart = index.valueStart(k, colon)
  return {
    known: knownHeaderAt(text, start, nameEnd),
    start,
    nameEnd,
    colon: text[colon] === ':' ? colon : -1,
    valueStart,
    valueEnd: index.valueEnd(k, valueStart),
  }
}

/** One header line as offsets into the text, for validators and for marking places in a message. */
import type { HeaderIndex } from './header-index.ts'
import { type KnownHeader, knownHeaderAt } from './known-headers.ts'

export interface HeaderLine {
  /** Canonical name and grammar; undefined if the name is not known. */
  readonly known: KnownHeader | undefined
  readonly start: number
  readonly nameEnd: number
  /** -1 if the line has no colon. */
  readonly colon: number
  /** Start and end of the value, without the white space around it. */
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

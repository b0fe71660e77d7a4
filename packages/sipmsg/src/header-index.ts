/** Offsets of the header lines of one text, found as far as they are asked for. No header costs memory of its own. */
import type { HeaderName } from './header-names.ts'
import { COLON, CR, find, LF, SP, sameName, skipLWS, TAB, trimEnd } from './scan.ts'

export class HeaderIndex {
  readonly #text: string
  /** Where header k starts; the end of the last one found stands behind it. */
  readonly #starts: number[]
  /** Offset of the empty line that ends the head, -1 until it is found. */
  #headEnd = -1
  #bodyStart = -1

  /** @param starts where the first headers start, at least one, or the empty line in the place of the last one; taken over */
  constructor(text: string, starts: number[]) {
    this.#text = text
    this.#starts = starts
  }

  /**
   * Where the headers start that an edit at `offset` leaves where they are, as far as they were found; undefined where
   * it may touch the start line.
   */
  startsUpTo(offset: number): number[] | undefined {
    const starts = this.#starts
    let count = starts.length
    // Behind a line that is cut off, nothing starts yet.
    while (count > 0 && (starts[count - 1]! > offset || this.#text.charCodeAt(starts[count - 1]! - 1) !== LF))
      count--
    return count === 0 ? undefined : starts.slice(0, count)
  }

  /** Offset of the empty line that ends the head; the length of the text where it is missing. */
  get headEnd(): number {
    while (this.#headEnd === -1) this.#findNext()
    return this.#headEnd
  }

  /** Offset of the first byte behind that empty line. */
  get bodyStart(): number {
    while (this.#bodyStart === -1) this.#findNext()
    return this.#bodyStart
  }

  /** Number of header lines; a folded one counts once. */
  get count(): number {
    while (this.#headEnd === -1) this.#findNext()
    return this.#starts.length - 1
  }

  /** Index of the first header of that name at or behind `from`, -1 without one. */
  find(name: HeaderName, from = 0): number {
    for (let k = from; this.has(k); k++) {
      if (this.#isNamed(k, name)) return k
    }
    return -1
  }

  /** Offset of header k. */
  start(k: number): number {
    return this.#starts[k]!
  }

  /** Offset behind header k, its line end included. */
  end(k: number): number {
    return this.#starts[k + 1]!
  }

  /** The name as written. */
  name(k: number): string {
    return this.#text.slice(this.#starts[k], this.nameEnd(k, this.colon(k)))
  }

  /** Offset of the colon of header k; where its line has none, the end of that line. */
  colon(k: number): number {
    const text = this.#text
    const start = this.#starts[k]!
    const end = this.#starts[k + 1]!
    let colon = start
    // Names are short, mostly: reading them costs less than a search.
    for (const near = Math.min(end, start + 20); colon < near; colon++) {
      if (text.charCodeAt(colon) === COLON) return colon
    }
    colon = find(text, ':', colon, end)
    return colon < end ? colon : this.#lineEnd(k)
  }

  /** Offset behind the name of header k, without the white space there may be before its colon. */
  nameEnd(k: number, colon: number): number {
    return trimEnd(this.#text, this.#starts[k]!, colon)
  }

  /** Offset of the value of header k, without the white space before it; its line end where it is empty. */
  valueStart(k: number, colon: number): number {
    const end = this.#starts[k + 1]!
    const start = skipLWS(this.#text, colon + 1, end)
    return start >= end ? this.#lineEnd(k) : start
  }

  /** Offset behind the value of header k, which starts at `start`, without the white space behind it. */
  valueEnd(k: number, start: number): number {
    const end = this.#lineEnd(k)
    return this.#text.charCodeAt(end - 1) > SP ? end : trimEnd(this.#text, start, end)
  }

  /** Whether there is a header k. */
  has(k: number): boolean {
    while (k >= this.#starts.length - 1) {
      if (this.#headEnd !== -1) return false
      this.#findNext()
    }
    return true
  }

  #findNext(): void {
    const text = this.#text
    const start = this.#starts[this.#starts.length - 1]!
    const first = text.charCodeAt(start)
    if (first === LF || (first === CR && text.charCodeAt(start + 1) === LF)) {
      this.#headEnd = start
      this.#bodyStart = start + (first === CR ? 2 : 1)
      return
    }
    // The text ends before its empty line, or within it.
    if (start >= text.length || (first === CR && start === text.length - 1)) {
      this.#headEnd = this.#bodyStart = start
      return
    }
    let end = start
    do {
      const lf = text.indexOf('\n', end)
      end = lf === -1 ? text.length : lf + 1
    } while (end < text.length && isBlank(text.charCodeAt(end)))
    this.#starts.push(end)
  }

  /** Whether header k has this name, in whatever case and form, with white space before the colon or without. */
  #isNamed(k: number, { long, longInitial, compact, compactInitial }: HeaderName): boolean {
    const initial = this.#text.charCodeAt(this.#starts[k]!) | 32
    return (
      (initial === longInitial && this.#isWritten(k, long)) ||
      (initial === compactInitial && this.#isWritten(k, compact))
    )
  }

  #isWritten(k: number, name: string): boolean {
    const text = this.#text
    let at = this.#starts[k]!
    if (!sameName(text, at, name)) return false
    at += name.length
    while (isBlank(text.charCodeAt(at))) at++
    return text.charCodeAt(at) === COLON
  }

  /** Where the line end of header k begins. */
  #lineEnd(k: number): number {
    const text = this.#text
    let end = this.#starts[k + 1]!
    if (text.charCodeAt(end - 1) === LF) end--
    if (text.charCodeAt(end - 1) === CR) end--
    return end
  }
}

function isBlank(code: number): boolean {
  return code === SP || code === TAB
}

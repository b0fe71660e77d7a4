/**
 * Offsets of the header lines of one text, found lazily: only as far as they are asked for. No memory is allocated per
 * header beyond its offset.
 */
import type { HeaderName } from './header-names.ts'
import { COLON, CR, find, LF, SP, sameName, skipLWS, TAB, trimEnd } from './scan.ts'

export class HeaderIndex {
  readonly #text: string
  /** Start of header k. The last element is the end of the last header found. */
  readonly #starts: number[]
  /** Offset of the empty line that ends the head. -1 until it is found. */
  #headEnd = -1
  #bodyStart = -1

  /**
   * @param starts starts of the first headers, at least one. The last element may be the offset of the empty line. The
   * index takes over the array.
   */
  constructor(text: string, starts: number[]) {
    this.#text = text
    this.#starts = starts
  }

  /**
   * Returns the starts of those headers that an edit at `offset` does not move, as far as they were found. Returns
   * undefined if the edit may touch the start line.
   */
  startsUpTo(offset: number): number[] | undefined {
    const starts = this.#starts
    let count = starts.length
    // No header starts after a line that is cut off.
    while (count > 0 && (starts[count - 1]! > offset || this.#text.charCodeAt(starts[count - 1]! - 1) !== LF))
      count--
    return count === 0 ? undefined : starts.slice(0, count)
  }

  /** Offset of the empty line that ends the head. If it is missing, the length of the text. */
  get headEnd(): number {
    while (this.#headEnd === -1) this.#findNext()
    return this.#headEnd
  }

  /** Offset of the first byte after that empty line. */
  get bodyStart(): number {
    while (this.#bodyStart === -1) this.#findNext()
    return this.#bodyStart
  }

  /** Number of header lines. A folded line counts once. */
  get count(): number {
    while (this.#headEnd === -1) this.#findNext()
    return this.#starts.length - 1
  }

  /** Returns the index of the first header with that name from index `from` on; -1 if there is none. */
  find(name: HeaderName, from = 0): number {
    for (let k = from; this.has(k); k++) {
      if (this.#isNamed(k, name)) return k
    }
    return -1
  }

  /** Returns the offset of header k. */
  start(k: number): number {
    return this.#starts[k]!
  }

  /** Returns the offset after header k, including its line end. */
  end(k: number): number {
    return this.#starts[k + 1]!
  }

  /** Returns the name of header k as written. */
  name(k: number): string {
    return this.#text.slice(this.#starts[k], this.nameEnd(k, this.colon(k)))
  }

  /** Returns the offset of the colon of header k. If its line has no colon, returns the end of the line. */
  colon(k: number): number {
    const text = this.#text
    const start = this.#starts[k]!
    const end = this.#starts[k + 1]!
    let colon = start
    // Most names are short: reading their characters costs less than a search.
    for (const near = Math.min(end, start + 20); colon < near; colon++) {
      if (text.charCodeAt(colon) === COLON) return colon
    }
    colon = find(text, ':', colon, end)
    return colon < end ? colon : this.#lineEnd(k)
  }

  /** Returns the offset after the name of header k, without white space before the colon. */
  nameEnd(k: number, colon: number): number {
    return trimEnd(this.#text, this.#starts[k]!, colon)
  }

  /**
   * Returns the offset of the value of header k, after leading white space. If the value is empty, returns the line
   * end.
   */
  valueStart(k: number, colon: number): number {
    const end = this.#starts[k + 1]!
    const start = skipLWS(this.#text, colon + 1, end)
    return start >= end ? this.#lineEnd(k) : start
  }

  /** Returns the offset after the value of header k, which starts at `start`, without trailing white space. */
  valueEnd(k: number, start: number): number {
    const end = this.#lineEnd(k)
    return this.#text.charCodeAt(end - 1) > SP ? end : trimEnd(this.#text, start, end)
  }

  /** Returns whether there is a header k. */
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
    // The text ends before the empty line, or within it.
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

  /**
   * Returns whether header k has this name: in any case, long or compact, with or without white space before the colon.
   */
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

  /** Returns the offset where the line end of header k begins. */
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

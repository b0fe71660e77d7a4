/** Offsets of the header lines of one text, found as far as they are asked for. No header costs memory of its own. */
import type { HeaderName } from './header-names.ts'
import { COLON, CR, LF, SP, skipLWS, TAB, trimEnd } from './scan.ts'

export class HeaderIndex {
  readonly #text: string
  /** Where header k starts; the end of the last one found stands behind it. */
  readonly #starts: number[]
  /** Offset of the empty line that ends the head, -1 until it is found. */
  #headEnd = -1
  #bodyStart = -1

  constructor(text: string, headersStart: number) {
    this.#text = text
    this.#starts = [headersStart]
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
    for (let k = from; this.#has(k); k++) {
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
    return this.#text.slice(this.#starts[k], this.nameEnd(k))
  }

  /** Offset behind the name of header k, without the white space there may be before the colon. */
  nameEnd(k: number): number {
    const colon = this.#colon(k)
    return trimEnd(this.#text, this.#starts[k]!, colon === -1 ? this.#starts[k + 1]! : colon)
  }

  /**
   * Offset of the value of header k, without the white space before it. A line without a colon has an empty value
   * at its end.
   */
  valueStart(k: number): number {
    const end = this.#starts[k + 1]!
    const colon = this.#colon(k)
    const start = colon === -1 ? end : skipLWS(this.#text, colon + 1, end)
    return start === end ? this.#lineEnd(k) : start
  }

  /** Offset behind the value of header k, which starts at `start`, without the white space behind it. */
  valueEnd(k: number, start: number): number {
    return trimEnd(this.#text, start, this.#starts[k + 1]!)
  }

  #has(k: number): boolean {
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
    if (first === 10 || (first === CR && text.charCodeAt(start + 1) === 10)) {
      this.#headEnd = start
      this.#bodyStart = start + (first === CR ? 2 : 1)
      return
    }
    if (start >= text.length) {
      this.#headEnd = this.#bodyStart = text.length
      return
    }
    let end = start
    do {
      const lf = text.indexOf('\n', end)
      end = lf === -1 ? text.length : lf + 1
    } while (end < text.length && isBlank(text.charCodeAt(end)))
    this.#starts.push(end)
  }

  #isNamed(k: number, name: HeaderName): boolean {
    return this.#isWritten(k, name.long) || (name.compact !== '' && this.#isWritten(k, name.compact))
  }

  /** Whether header k has this name, which is in lower case, followed by optional white space and the colon. */
  #isWritten(k: number, name: string): boolean {
    const text = this.#text
    let at = this.#starts[k]!
    for (let i = 0; i < name.length; i++, at++) {
      const code = text.charCodeAt(at)
      const wanted = name.charCodeAt(i)
      if (code !== wanted && !(code >= 65 && code <= 90 && code + 32 === wanted)) return false
    }
    while (isBlank(text.charCodeAt(at))) at++
    return text.charCodeAt(at) === COLON
  }

  #colon(k: number): number {
    const colon = this.#text.indexOf(':', this.#starts[k])
    return colon === -1 || colon >= this.#starts[k + 1]! ? -1 : colon
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

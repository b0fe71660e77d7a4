/** Parameters of a header value or of a URI: `;name=value`, names in any case (RFC 3261 sections 7.3.1, 19.1.1). */
import { EQUALS, isLWS, QUOTE, quotedEnd, SEMICOLON, skipLWS, trimEnd, unquoted } from './scan.ts'

/**
 * Parameters of text[start..end), which begins with the separator or with a name; read when they are asked for.
 * Empty ones are passed over; a quoted string that is not closed ends where the text does.
 */
export class Parameters {
  readonly #text: string
  readonly #start: number
  readonly #end: number
  readonly #separator: number

  constructor(text: string, start = 0, end = text.length, separator = SEMICOLON) {
    this.#text = text
    this.#start = start
    this.#end = end
    this.#separator = separator
  }

  /** Value of the first parameter of that name, unquoted; '' for one without a value, null where it is absent. */
  get(name: string): string | null {
    const at = this.#find(name)
    return at === -1 ? null : this.#value(at)
  }

  has(name: string): boolean {
    return this.#find(name) !== -1
  }

  /** Name, as written, and value, '' without one, of each in order. */
  *entries(): Generator<[name: string, value: string]> {
    const end = this.#end
    for (let at = this.#next(this.#start); at < end; at = this.#next(this.#valueEnd(this.#nameEnd(at)))) {
      const nameEnd = this.#nameEnd(at)
      yield [this.#text.slice(at, nameEnd), this.#value(nameEnd)]
    }
  }

  /** Offset behind the name of the parameter of that name, -1 without one. */
  #find(name: string): number {
    const text = this.#text
    const end = this.#end
    let wanted: string | undefined
    for (let at = this.#next(this.#start); at < end; ) {
      const nameEnd = this.#nameEnd(at)
      if (nameEnd - at === name.length) {
        if (text.startsWith(name, at)) return nameEnd
        wanted ??= name.toLowerCase()
        if (text.slice(at, nameEnd).toLowerCase() === wanted) return nameEnd
      }
      at = this.#next(this.#valueEnd(nameEnd))
    }
    return -1
  }

  /** Offset of the next parameter at or behind `at`. */
  #next(at: number): number {
    const text = this.#text
    const end = this.#end
    for (; at < end; at++) {
      const code = text.charCodeAt(at)
      if (code !== this.#separator && !isLWS(code)) break
    }
    return at
  }

  #nameEnd(at: number): number {
    const text = this.#text
    const end = this.#end
    for (; at < end; at++) {
      const code = text.charCodeAt(at)
      if (code === this.#separator || code === EQUALS || isLWS(code)) break
    }
    return at
  }

  /** Offset of the value behind the name that ends at `nameEnd`; -1 for a parameter without one. */
  #valueStart(nameEnd: number): number {
    const equals = skipLWS(this.#text, nameEnd, this.#end)
    if (equals === this.#end || this.#text.charCodeAt(equals) !== EQUALS) return -1
    return skipLWS(this.#text, equals + 1, this.#end)
  }

  #valueEnd(nameEnd: number): number {
    const text = this.#text
    const end = this.#end
    const start = this.#valueStart(nameEnd)
    // What is neither separator nor "=" behind a name belongs to no grammar: it starts a parameter of its own.
    if (start === -1) return nameEnd
    if (start < end && text.charCodeAt(start) === QUOTE) {
      const close = quotedEnd(text, start, end)
      return close === -1 ? end : close
    }
    let at = start
    while (at < end && text.charCodeAt(at) !== this.#separator) at++
    return at
  }

  #value(nameEnd: number): string {
    const text = this.#text
    const start = this.#valueStart(nameEnd)
    if (start === -1) return ''
    const end = this.#valueEnd(nameEnd)
    if (text.charCodeAt(start) !== QUOTE) return text.slice(start, trimEnd(text, start, end))
    return quotedEnd(text, start, end) === end ? unquoted(text, start, end) : text.slice(start + 1, end)
  }
}

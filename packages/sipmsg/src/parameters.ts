/** Parameters of a header value or of a URI: `;name=value`, names in any case (RFC 3261 sections 7.3.1, 19.1.1). */
import { EQUALS, find, isLWS, QUOTE, quotedEnd, SP, sameName, skipLWS, trimEnd, unquoted } from './scan.ts'

/**
 * Parameters of text[start..end), which begins with the separator or with a name; read when they are asked for.
 * Empty ones are passed over; a quoted string that is not closed ends where the text does.
 */
export class Parameters {
  readonly #text: string
  readonly #start: number
  readonly #end: number
  readonly #separator: ';' | ','

  constructor(text: string, start = 0, end = text.length, separator: ';' | ',' = ';') {
    this.#text = text
    this.#start = start
    this.#end = end
    this.#separator = separator
  }

  /** Value of the first parameter of that name, unquoted; '' for one without a value, null where it is absent. */
  get(name: string): string | null {
    return this.#find(name)?.value ?? null
  }

  has(name: string): boolean {
    return this.#find(name) !== null
  }

  /** Name, as written, and value, '' without one, of each in order. */
  entries(): [name: string, value: string][] {
    const entries: [string, string][] = []
    // Mostly there are none: URIs have them seldom.
    if (this.#start >= this.#end) return entries
    const cursor = this.#cursor()
    while (cursor.next()) entries.push([cursor.name, cursor.value])
    return entries
  }

  /** The cursor at the first parameter of that name. */
  #find(name: string): Cursor | null {
    const cursor = this.#cursor()
    while (cursor.next()) {
      const { nameStart, nameEnd } = cursor
      if (nameEnd - nameStart === name.length && sameName(this.#text, nameStart, name)) return cursor
    }
    return null
  }

  #cursor(): Cursor {
    return new Cursor(this.#text, this.#start, this.#end, this.#separator)
  }
}

/** Goes from one parameter to the next; each byte is read once. */
class Cursor {
  readonly #text: string
  readonly #end: number
  readonly #separator: ';' | ','
  nameStart: number
  nameEnd: number
  /** -1 for a parameter without a value. */
  #valueStart = -1
  #valueEnd: number
  /** Whether the value is a quoted string that is closed. */
  #closed = false

  constructor(text: string, start: number, end: number, separator: ';' | ',') {
    this.#text = text
    this.#end = end
    this.#separator = separator
    this.nameStart = this.nameEnd = this.#valueEnd = start
  }

  get name(): string {
    return this.#text.slice(this.nameStart, this.nameEnd)
  }

  get value(): string {
    const text = this.#text
    const start = this.#valueStart
    if (start === -1) return ''
    const end = this.#valueEnd
    if (this.#closed) return unquoted(text, start, end)
    if (start < end && text.charCodeAt(start) === QUOTE) return text.slice(start + 1, end)
    return text.slice(start, trimEnd(text, start, end))
  }

  /** Moves on; false where there is no further parameter. */
  next(): boolean {
    const text = this.#text
    const end = this.#end
    const separator = this.#separator.charCodeAt(0)
    let at = this.#valueEnd
    let code = 0
    for (; at < end; at++) {
      code = text.charCodeAt(at)
      if (code !== separator && !isLWS(code)) break
    }
    if (at >= end) return false
    this.nameStart = at
    for (; at < end; at++) {
      code = text.charCodeAt(at)
      if (code === EQUALS || code === separator || (code <= SP && isLWS(code))) break
    }
    this.nameEnd = at
    if (code !== EQUALS) at = skipLWS(text, at, end)
    if (at >= end || text.charCodeAt(at) !== EQUALS) {
      // What is neither separator nor "=" behind a name belongs to no grammar: it starts a parameter of its own.
      this.#valueStart = -1
      this.#valueEnd = this.nameEnd
      return true
    }
    at = skipLWS(text, at + 1, end)
    this.#valueStart = at
    this.#closed = false
    if (at < end && text.charCodeAt(at) === QUOTE) {
      const close = quotedEnd(text, at, end)
      this.#closed = close !== -1
      this.#valueEnd = this.#closed ? close : end
    } else this.#valueEnd = find(text, this.#separator, at, end)
    return true
  }
}

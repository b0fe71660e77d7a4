/** Parameters of a header value or a URI: `;name=value`, with names in any case (RFC 3261 sections 7.3.1, 19.1.1). */
import { EQUALS, find, isLWS, QUOTE, quotedEnd, SP, sameName, skipLWS, trimEnd, unquoted } from './scan.ts'

type Entry = [name: string, value: string]

/**
 * Parameters of text[start..end), which begins with a separator or with a name. They are parsed when they are read.
 * Empty parameters are skipped. A quoted string that is not closed extends to the end of the text.
 */
export class Parameters {
  readonly #text: string
  readonly #start: number
  readonly #end: number
  readonly #separator: ';' | ','
  readonly #single: boolean

  /** @param single whether the whole text is the name of one parameter, such as the token68 of RFC 7235 section 2.1 */
  constructor(text: string, start = 0, end = text.length, separator: ';' | ',' = ';', single = false) {
    this.#single = single
    this.#text = text
    this.#start = start
    this.#end = end
    this.#separator = separator
  }

  /** Returns the unquoted value of the first parameter with that name: '' if it has no value, null if it is absent. */
  get(name: string): string | null {
    return this.#read(name, null)
  }

  has(name: string): boolean {
    return this.#read(name, null) !== null
  }

  /** Returns name and value of each parameter in order. The name is as written, the value is '' if there is none. */
  entries(): Entry[] {
    const entries: Entry[] = []
    // Fast path: most URIs have no parameters.
    if (this.#start < this.#end) this.#read(null, entries)
    return entries
  }

  /** Reads the parameters. Returns the value of the wanted one, or adds all of them to `entries`. */
  #read(wanted: string, entries: null): string | null
  #read(wanted: null, entries: Entry[]): null
  #read(wanted: string | null, entries: Entry[] | null): string | null {
    const text = this.#text
    const end = this.#end
    const separator = this.#separator.charCodeAt(0)
    if (this.#single) {
      const name = text.slice(this.#start, trimEnd(text, this.#start, end))
      if (entries !== null) entries.push([name, ''])
      return wanted === name ? '' : null
    }
    for (let at = this.#start; at < end; ) {
      let code = text.charCodeAt(at)
      if (code === separator || isLWS(code)) {
        at++
        continue
      }
      const nameStart = at
      while (at < end) {
        code = text.charCodeAt(at)
        if (code === EQUALS || code === separator || (code <= SP && isLWS(code))) break
        at++
      }
      const nameEnd = at
      const found =
        wanted === null || (nameEnd - nameStart === wanted.length && sameName(text, nameStart, wanted))
      if (code !== EQUALS) at = skipLWS(text, at, end)
      let value = ''
      if (at < end && text.charCodeAt(at) === EQUALS) {
        const start = skipLWS(text, at + 1, end)
        if (start < end && text.charCodeAt(start) === QUOTE) {
          const close = quotedEnd(text, start, end)
          at = close === -1 ? end : close
          if (found) value = close === -1 ? text.slice(start + 1, end) : unquoted(text, start, close)
        } else {
          at = find(text, this.#separator, start, end)
          if (found) value = text.slice(start, trimEnd(text, start, at))
        }
      } else {
        // After a name, anything but a separator or "=" fits no grammar. It starts a new parameter.
        at = nameEnd
      }
      if (entries !== null) entries.push([text.slice(nameStart, nameEnd), value])
      else if (found) return value
    }
    return null
  }
}

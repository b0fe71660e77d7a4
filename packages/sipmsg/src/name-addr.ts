/**
 * From, To, Contact, Route and similar headers: `name-addr / addr-spec` with parameters (RFC 3261 sections 20.10,
 * 25.1).
 */
import { parseElements } from './list.ts'
import { Parameters } from './parameters.ts'
import { find, LEFT_ANGLE, QUOTE, quotedEnd, skipLWS, trimEnd, unfold, unquoted } from './scan.ts'
import { parseURI, type URI } from './uri.ts'
import { decodeUtf8 } from './utf8.ts'

/** An address, stored as offsets into its text. Its parts are parsed when they are read. */
export class Address {
  readonly #text: string
  readonly #nameStart: number
  /** Equal to the start if there is no display name. */
  readonly #nameEnd: number
  readonly #uriStart: number
  readonly #uriEnd: number
  readonly #parametersStart: number
  readonly #end: number

  constructor(
    text: string,
    nameStart: number,
    nameEnd: number,
    uriStart: number,
    uriEnd: number,
    parametersStart: number,
    end: number,
  ) {
    this.#text = text
    this.#nameStart = nameStart
    this.#nameEnd = nameEnd
    this.#uriStart = uriStart
    this.#uriEnd = uriEnd
    this.#parametersStart = parametersStart
    this.#end = end
  }

  /** The display name as unquoted text. Null if there is none. */
  get displayName(): string | null {
    const start = this.#nameStart
    const end = this.#nameEnd
    if (start === end) return null
    const quoted = this.#text.charCodeAt(start) === QUOTE
    return decodeUtf8(unfold(quoted ? unquoted(this.#text, start, end) : this.#text.slice(start, end)))
  }

  /** The URI as written. */
  get uri(): string {
    return decodeUtf8(this.#text.slice(this.#uriStart, this.#uriEnd))
  }

  /** The parts of the URI. Null if it is malformed. */
  get parsedURI(): URI | null {
    // The text is not decoded: a URI contains only ASCII.
    return parseURI(this.#text.slice(this.#uriStart, this.#uriEnd))
  }

  /** Parameters of the header, not of the URI. */
  get parameters(): Parameters {
    return new Parameters(this.#text, this.#parametersStart, this.#end)
  }

  /** The tag parameter. Null if absent. */
  get tag(): string | null {
    return this.parameters.get('tag')
  }

  /** The address as written. */
  toString(): string {
    return decodeUtf8(this.#text.slice(this.#nameStart, this.#end))
  }
}

/**
 * @param value value of one header, or one element of a list, as one-byte text
 * @returns null if a quoted string or an angle bracket is not closed, or if there is no URI
 */
export function parseAddress(value: string): Address | null {
  const start = skipLWS(value, 0, value.length)
  return addressAt(value, start, trimEnd(value, start, value.length))
}

/** Returns every address of a comma-separated list. Null stands for a malformed one. */
export function parseAddresses(value: string): (Address | null)[] {
  return parseElements(value, 0, value.length, addressAt)
}

/** Like {@link parseAddress}, for text[start..end), which must have no white space at its ends. */
export function addressAt(text: string, start: number, end: number): Address | null {
  let nameEnd = start
  let open: number
  if (text.charCodeAt(start) === QUOTE) {
    nameEnd = quotedEnd(text, start, end)
    if (nameEnd === -1) return null
    open = angleBracket(text, nameEnd, end)
    if (open === end) return null
  } else if (text.charCodeAt(start) === LEFT_ANGLE) {
    open = start
  } else {
    open = angleBracket(text, start, end)
    if (open === end) return addrSpecAt(text, start, end)
    nameEnd = trimEnd(text, start, open)
  }
  const close = find(text, '>', open, end)
  if (close === end) return null
  const uriStart = skipLWS(text, open + 1, close)
  const uriEnd = trimEnd(text, uriStart, close)
  return uriStart === uriEnd ? null : new Address(text, start, nameEnd, uriStart, uriEnd, close + 1, end)
}

/**
 * Returns the offset of the `<` before the URI; `end` if there is none. A display name is quoted or consists of tokens
 * (section 25.1), so `<` within quotes is not that bracket, and neither is one after `;`: parameters have begun there.
 * Otherwise, a parameter such as `+sip.instance="<urn:uuid:…>"` would replace the URI.
 */
export function angleBracket(text: string, start: number, end: number): number {
  let open = find(text, '<', start, end)
  for (let at = start; open < end; ) {
    const quote = find(text, '"', at, open)
    if (find(text, ';', at, quote) < quote) return end
    if (quote === open) return open
    at = quotedEnd(text, quote, end)
    if (at === -1) return end
    if (open < at) open = find(text, '<', at, end)
  }
  return end
}

/** Without angle brackets, the parameters belong to the header, not to the URI (section 20.10). */
function addrSpecAt(text: string, start: number, end: number): Address | null {
  const semicolon = find(text, ';', start, end)
  const uriEnd = trimEnd(text, start, semicolon)
  return uriEnd === start ? null : new Address(text, start, start, start, uriEnd, semicolon, end)
}

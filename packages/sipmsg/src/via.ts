/** Via (RFC 3261 sections 20.42, 18.2.1; RFC 3581 for rport). */
import { parseElements } from './list.ts'
import { Parameters } from './parameters.ts'
import { COLON, COMMA, find, isDigit, LEFT_BRACKET, SEMICOLON, SLASH, SP, skipLWS, tokenEnd } from './scan.ts'

/** Prefix of every branch made according to RFC 3261 (section 8.1.1.7). */
export const MAGIC_COOKIE = 'z9hG4bK'

const HAS_LWS = /\s/
/**
 * One parameter of a Via with its semicolon: without a value, with a quoted string, or with any text up to the next
 * semicolon.
 */
const PARAMETER = /;\s*([^\s;="]*)(?:\s*=\s*"(?:[^"\\]|\\[\s\S])*"[^;"]*|[^;"]*)/gy

/** A Via value, stored as offsets into its text. Its parts are parsed when they are read. */
export class Via {
  readonly #text: string
  readonly #start: number
  readonly #transportStart: number
  readonly #transportEnd: number
  readonly #hostStart: number
  readonly #hostEnd: number
  readonly #parametersStart: number
  readonly #end: number
  /** Port of sent-by. Null if there is none. */
  readonly port: number | null

  constructor(
    text: string,
    start: number,
    transportStart: number,
    transportEnd: number,
    hostStart: number,
    hostEnd: number,
    port: number | null,
    parametersStart: number,
    end: number,
  ) {
    this.#text = text
    this.#start = start
    this.#transportStart = transportStart
    this.#transportEnd = transportEnd
    this.#hostStart = hostStart
    this.#hostEnd = hostEnd
    this.#parametersStart = parametersStart
    this.#end = end
    this.port = port
  }

  /** Protocol name and version: `SIP/2.0`. */
  get protocol(): string {
    const [name, version] = this.#text.slice(this.#start, this.#transportStart).split('/', 2) as [
      string,
      string,
    ]
    return `${name.trim()}/${version.trim()}`
  }

  /** The transport as written, such as `UDP`. */
  get transport(): string {
    return this.#text.slice(this.#transportStart, this.#transportEnd)
  }

  /** Host of sent-by as written, IPv6 references in brackets. */
  get host(): string {
    return this.#text.slice(this.#hostStart, this.#hostEnd)
  }

  get parameters(): Parameters {
    return new Parameters(this.#text, this.#parametersStart, this.#end)
  }

  /** The branch parameter. Null if absent; the same applies to received and rport. */
  get branch(): string | null {
    return this.parameters.get('branch')
  }

  /** The received parameter as written: an IPv6 address has brackets or not (RFC 5118 section 4.5). */
  get received(): string | null {
    return this.parameters.get('received')
  }

  /** The rport parameter. Also null if the parameter has no value yet: use `parameters.has('rport')`. */
  get rport(): number | null {
    const value = this.parameters.get('rport')
    return value !== null && /^\d{1,5}$/.test(value) ? Number(value) : null
  }

  /** Offset of the end of the value in its text. */
  get end(): number {
    return this.#end
  }

  /**
   * Returns the offsets of the parameters with these names (in lower case) in the text of the value, each with its
   * semicolon. A quoted string that is not closed ends the search.
   */
  parameterSpans(names: readonly string[]): { start: number; end: number }[] {
    const spans: { start: number; end: number }[] = []
    const parameters = this.#text.slice(this.#parametersStart, this.#end)
    for (const { 0: parameter, 1: name, index } of parameters.matchAll(PARAMETER)) {
      const start = this.#parametersStart + index
      if (names.includes(name!.toLowerCase())) spans.push({ start, end: start + parameter.length })
    }
    return spans
  }

  /** The value as written. */
  toString(): string {
    return this.#text.slice(this.#start, this.#end)
  }
}

/** Returns every value of a Via header. Null stands for a malformed one. */
export function parseVias(value: string): (Via | null)[] {
  return parseElements(value, 0, value.length, viaAt)
}

/**
 * Parses the value text[start..end): sent-protocol, sent-by and parameters. White space is allowed around slashes and
 * colon.
 *
 * @returns null if protocol or sent-by is malformed
 */
export function viaAt(text: string, start: number, end: number): Via | null {
  const transportStart = transportStartOf(text, start, end)
  const transportEnd = tokenEnd(text, transportStart, end)
  const hostStart = skipLWS(text, transportEnd, end)
  const hostEnd = hostEndOf(text, hostStart, end)
  // The transport must follow a slash and must not be empty.
  if (transportStart === start || transportEnd === transportStart) return null
  if (hostStart === transportEnd || hostEnd === hostStart) return null
  let at = skipLWS(text, hostEnd, end)
  let port: number | null = null
  if (at < end && text.charCodeAt(at) === COLON) {
    const portStart = skipLWS(text, at + 1, end)
    at = portStart
    port = 0
    for (; at < end && isDigit(text.charCodeAt(at)); at++) port = 10 * port + text.charCodeAt(at) - 48
    if (at === portStart || at > portStart + 5) return null
    at = skipLWS(text, at, end)
  }
  if (at < end && text.charCodeAt(at) !== SEMICOLON) return null
  return new Via(text, start, transportStart, transportEnd, hostStart, hostEnd, port, at, end)
}

/** Returns the offset after the protocol name, its version and their slashes; `start` if they are not there. */
function transportStartOf(text: string, start: number, end: number): number {
  if (text.startsWith('SIP/2.0/', start)) return skipLWS(text, start + 8, end)
  let at = start
  for (let slashes = 0; slashes < 2; slashes++) {
    const partEnd = tokenEnd(text, at, end)
    const slash = skipLWS(text, partEnd, end)
    if (partEnd === at || slash === end || text.charCodeAt(slash) !== SLASH) return start
    at = skipLWS(text, slash + 1, end)
  }
  return at
}

/** Returns the offset after the host or IPv6 reference that starts at `start`; `start` if there is none. */
function hostEndOf(text: string, start: number, end: number): number {
  if (start < end && text.charCodeAt(start) === LEFT_BRACKET) {
    const close = find(text, ']', start, end)
    return close === end || HAS_LWS.test(text.slice(start, close)) ? start : close + 1
  }
  let at = start
  for (; at < end; at++) {
    const code = text.charCodeAt(at)
    if (code <= SP || code === COLON || code === SEMICOLON || code === COMMA || code === LEFT_BRACKET) break
  }
  return at
}

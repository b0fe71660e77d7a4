/** Via (RFC 3261 sections 20.42, 18.2.1; RFC 3581 for rport). */
import { parseElements } from './list.ts'
import { Parameters } from './parameters.ts'
import { COLON, SEMICOLON, SLASH, skipLWS, tokenEnd, trimEnd } from './scan.ts'

/** What every branch made by RFC 3261 begins with (section 8.1.1.7). */
export const MAGIC_COOKIE = 'z9hG4bK'

/** A Via value, as offsets into the text it was found in; its parts are made when they are asked for. */
export class Via {
  readonly #text: string
  readonly #start: number
  readonly #transportStart: number
  readonly #transportEnd: number
  readonly #hostStart: number
  readonly #hostEnd: number
  readonly #parametersStart: number
  readonly #end: number
  /** Port of sent-by; null without one. */
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
    this.port = port
    this.#parametersStart = parametersStart
    this.#end = end
  }

  /** Protocol name and version, `SIP/2.0`. */
  get protocol(): string {
    return this.#text.slice(this.#start, this.#transportStart).replaceAll(/\s|\/\s*$/g, '')
  }

  /** As written, such as `UDP`. */
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

  /** Null when absent, as are the two below. */
  get branch(): string | null {
    return this.parameters.get('branch')
  }

  /** As written, an IPv6 address with or without brackets (RFC 5118 section 4.5). */
  get received(): string | null {
    return this.parameters.get('received')
  }

  /** Null also where the parameter has no value yet: `parameters.has('rport')` tells. */
  get rport(): number | null {
    const value = this.parameters.get('rport')
    return value !== null && /^\d{1,5}$/.test(value) ? Number(value) : null
  }

  /** The value as written. */
  toString(): string {
    return this.#text.slice(this.#start, this.#end)
  }
}

/** Every value of a Via header; null in the place of a malformed one. */
export function parseVias(value: string): (Via | null)[] {
  return parseElements(value, 0, value.length, viaAt)
}

/** @returns null where protocol or sent-by are malformed */
export function viaAt(text: string, start: number, end: number): Via | null {
  let at = start
  if (text.startsWith('SIP/2.0/', start)) at += 8
  else {
    // White space is allowed around the slashes.
    at = behindSlash(text, behindSlash(text, at, end), end)
    if (at === -1) return null
  }
  const transportEnd = tokenEnd(text, at, end)
  const hostStart = skipLWS(text, transportEnd, end)
  if (transportEnd === at || hostStart === transportEnd) return null
  let parametersStart = text.indexOf(';', hostStart)
  if (parametersStart === -1 || parametersStart > end) parametersStart = end
  const sentByEnd = trimEnd(text, hostStart, parametersStart)
  const hostEnd = endOfHost(text, hostStart, sentByEnd)
  if (hostEnd === hostStart) return null
  let port: number | null = null
  const colon = skipLWS(text, hostEnd, sentByEnd)
  if (colon < sentByEnd) {
    if (text.charCodeAt(colon) !== COLON) return null
    port = portNumber(text, skipLWS(text, colon + 1, sentByEnd), sentByEnd)
    if (port === -1) return null
  }
  return new Via(text, start, at, transportEnd, hostStart, hostEnd, port, parametersStart, end)
}

/** Behind a token and the slash that follows it; -1 where they are not there, or `at` is -1 already. */
function behindSlash(text: string, at: number, end: number): number {
  if (at === -1) return -1
  const token = tokenEnd(text, at, end)
  const slash = skipLWS(text, token, end)
  return token === at || text.charCodeAt(slash) !== SLASH ? -1 : skipLWS(text, slash + 1, end)
}

/** Offset behind a host name, IPv4 address or IPv6 reference; `at` where there is none. */
function endOfHost(text: string, at: number, end: number): number {
  if (text.charCodeAt(at) === 91) {
    const close = text.indexOf(']', at)
    return close === -1 || close >= end ? at : close + 1
  }
  while (at < end) {
    const code = text.charCodeAt(at)
    if (code === COLON || code === SEMICOLON || code <= 32) break
    at++
  }
  return at
}

function portNumber(text: string, at: number, end: number): number {
  let value = 0
  if (at === end || end - at > 5) return -1
  for (; at < end; at++) {
    const digit = text.charCodeAt(at) - 48
    if (digit < 0 || digit > 9) return -1
    value = 10 * value + digit
  }
  return value > 65_535 ? -1 : value
}

/** Via (RFC 3261 sections 20.42, 18.2.1; RFC 3581 for rport). */
import { parseElements } from './list.ts'
import { Parameters } from './parameters.ts'
import { SEMICOLON, skipLWS, TOKEN } from './scan.ts'

/** What every branch made by RFC 3261 begins with (section 8.1.1.7). */
export const MAGIC_COOKIE = 'z9hG4bK'

/** sent-protocol and sent-by: protocol, transport, host, port. White space is allowed around slashes and colon. */
const SENT = new RegExp(
  `(${TOKEN}\\s*/\\s*${TOKEN})\\s*/\\s*(${TOKEN})\\s+(\\[[^\\]\\s]*\\]|[^\\s:;,[]+)(?:\\s*:\\s*(\\d{1,5}))?`,
  'y',
)

/** A Via value, as offsets into the text it was found in; its parts are made when they are asked for. */
export class Via {
  readonly #text: string
  readonly #start: number
  readonly #parametersStart: number
  readonly #end: number

  constructor(text: string, start: number, parametersStart: number, end: number) {
    this.#text = text
    this.#start = start
    this.#parametersStart = parametersStart
    this.#end = end
  }

  /** Protocol name and version, `SIP/2.0`. */
  get protocol(): string {
    return this.#sent(1).replaceAll(/\s/g, '')
  }

  /** As written, such as `UDP`. */
  get transport(): string {
    return this.#sent(2)
  }

  /** Host of sent-by as written, IPv6 references in brackets. */
  get host(): string {
    return this.#sent(3)
  }

  /** Port of sent-by; null without one. */
  get port(): number | null {
    const port = this.#sent(4)
    return port === '' ? null : Number(port)
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

  #sent(group: number): string {
    SENT.lastIndex = this.#start
    return SENT.exec(this.#text)?.[group] ?? ''
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
  SENT.lastIndex = start
  if (!SENT.test(text)) return null
  if (SENT.lastIndex > end) return null
  const parametersStart = skipLWS(text, SENT.lastIndex, end)
  if (parametersStart < end && text.charCodeAt(parametersStart) !== SEMICOLON) return null
  return new Via(text, start, parametersStart, end)
}

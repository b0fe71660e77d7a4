/** URIs as they stand in start lines and addresses: sip, sips (RFC 3261 section 19.1), tel (RFC 3966), any other. */
import { SIPMessageError } from './errors.ts'
import { canonicalHost, isIPv6 } from './ip-address.ts'
import { Parameters } from './parameters.ts'
import { COLON, LEFT_BRACKET } from './scan.ts'

const NO_PARAMETERS = new Parameters('')

export interface URI {
  /** In lower case. */
  readonly scheme: string
  /** As written, without the password; of a tel URI the number. Null without one. */
  readonly user: string | null
  readonly password: string | null
  /** As written, IPv6 references in brackets; '' where the scheme has none. */
  readonly host: string
  readonly port: number | null
  readonly parameters: Parameters
  /** What stands behind the `?`, as written; '' without. {@link uriHeaders} takes it apart. */
  readonly headers: string
}

/** What no URI may contain (RFC 3986 appendix A): white space, controls and the delimiters of SIP headers first. */
const FORBIDDEN = '\\x00-\\x20\\x7f-\\uffff<>"\\\\^`{|}'
const ANY_FORBIDDEN = new RegExp(`[${FORBIDDEN}]`)
const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]*):(.+)$/
const USER = `([^@:${FORBIDDEN}]*)(?::([^@:${FORBIDDEN}]*))?@`
const TAIL = `(?:;([^?${FORBIDDEN}]*))?(?:\\?([^${FORBIDDEN}]*))?`
/** user, password, host, port, parameters, headers, in one pass. */
const SIP = new RegExp(
  `^[Ss][Ii][Pp][Ss]?:(?:${USER})?([A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+\\])(?::(\\d{1,5}))?${TAIL}$`,
)
const SIP_SCHEME = /^sips?:/i

/** The parts of a URI; null where it is malformed. */
export function parseURI(uri: string): URI | null {
  const match = SIP.exec(uri)
  if (match !== null) return sipURI(uri.charCodeAt(3) === COLON ? 'sip' : 'sips', match)
  return SIP_SCHEME.test(uri) ? null : otherURI(uri)
}

function sipURI(scheme: 'sip' | 'sips', match: RegExpExecArray): URI | null {
  const user = match[1]
  const host = match[3]!
  const port = match[4] === undefined ? null : Number(match[4])
  const parameters = match[5]
  if (user === '' || (port !== null && port > 65_535)) return null
  if (host.charCodeAt(0) === LEFT_BRACKET && !isIPv6(host.slice(1, -1))) return null
  return {
    scheme,
    user: user ?? null,
    password: match[2] ?? null,
    host,
    port,
    parameters: parameters === undefined ? NO_PARAMETERS : new Parameters(parameters),
    headers: match[6] ?? '',
  }
}

function otherURI(uri: string): URI | null {
  const match = SCHEME.exec(uri)
  if (match === null || ANY_FORBIDDEN.test(uri)) return null
  const scheme = match[1]!.toLowerCase()
  const rest = match[2]!
  const semicolon = scheme === 'tel' ? rest.indexOf(';') : -1
  const user = semicolon === -1 ? rest : rest.slice(0, semicolon)
  if (scheme === 'tel' && !/^\+?[0-9A-Fa-f*#().-]+$/.test(user)) return null
  return {
    scheme,
    user: scheme === 'tel' ? user : null,
    password: null,
    host: '',
    port: null,
    parameters: semicolon === -1 ? NO_PARAMETERS : new Parameters(rest, semicolon),
    headers: '',
  }
}

/**
 * A URI without what must not stand in a Request-URI: the parameter `method`, and headers (section 19.1.1). In the user
 * part, `;` and `?` are ordinary characters (section 25.1). Other URIs, and malformed ones, come back as they are.
 */
export function bareRequestURI(uri: string): string {
  if (!uri.includes('?') && !/;method/i.test(uri)) return uri
  return withoutParameters(uri, ['method'])
}

/**
 * A SIP URI without these parameters, in lower case, and without headers; without its port, if asked for. Other URIs, and
 * malformed ones, come back as they are.
 */
export function withoutParameters(uri: string, names: readonly string[], withoutPort = false): string {
  const tail = sipTail(uri)
  if (tail === null) return uri
  const kept = tail.parameters.split(';').filter((parameter) => {
    const [name = ''] = parameter.split('=', 1)
    return !names.includes(name.toLowerCase())
  })
  return uri.slice(0, withoutPort ? tail.hostEnd : tail.start) + kept.join(';')
}

/** The parameters of a SIP URI as written, such as `;lr;ftag=1`; '' without any, and for other URIs. */
export function parametersText(uri: string): string {
  return sipTail(uri)?.parameters ?? ''
}

/** Where the host of a SIP URI ends, where its parameters start, and these; null for other URIs. */
function sipTail(uri: string): { hostEnd: number; start: number; parameters: string } | null {
  const parsed = SIP_SCHEME.test(uri) ? parseURI(uri) : null
  if (parsed === null) return null
  const hostStart = uri.indexOf(parsed.user === null ? ':' : '@') + 1
  const tail = uri.slice(hostStart).search(/[;?]/)
  const start = tail === -1 ? uri.length : hostStart + tail
  const [parameters = ''] = uri.slice(start).split('?', 1)
  return { hostEnd: hostStart + parsed.host.length, start, parameters }
}

/** The headers of a URI (section 19.1.1), names and values unescaped, in order. */
export function uriHeaders({ headers }: URI): [name: string, value: string][] {
  if (headers === '') return []
  return headers.split('&').map((header) => {
    const equals = header.indexOf('=')
    if (equals === -1) return [unescapeURI(header), '']
    return [unescapeURI(header.slice(0, equals)), unescapeURI(header.slice(equals + 1))]
  })
}

/** `%HH` escapes as the bytes they stand for, one-byte text (section 19.1.2); a `%` that escapes nothing stays. */
export function unescapeURI(text: string): string {
  if (!text.includes('%')) return text
  return text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
}

/** Parameters that make URIs different when only one of them has it (section 19.1.4). */
const MUST_MATCH = ['user', 'ttl', 'method', 'maddr', 'transport']

/**
 * Whether two URIs are equal by section 19.1.4: user in case, the rest without; IPv6 references as addresses (RFC 5954
 * section 4.2); parameters that both have must be
 * equal, whatever their order. URIs of other schemes are equal when their texts are, case of the scheme aside.
 * Malformed ones are equal to nothing.
 */
export function equalURIs(a: string, b: string): boolean {
  const [one, other] = [parseURI(a), parseURI(b)]
  if (one === null || other === null || one.scheme !== other.scheme) return false
  if (one.scheme !== 'sip' && one.scheme !== 'sips') {
    return a.slice(one.scheme.length) === b.slice(other.scheme.length)
  }
  return (
    sameEscaped(one.user, other.user) &&
    sameEscaped(one.password, other.password) &&
    canonicalHost(one.host) === canonicalHost(other.host) &&
    one.port === other.port &&
    sameParameters(one.parameters, other.parameters) &&
    sameHeaders(one, other)
  )
}

/** An escape of a character that needs none is that character; of reserved ones it is not (RFC 3261 section 19.1.4). */
function sameEscaped(a: string | null, b: string | null): boolean {
  return a === b || (a !== null && b !== null && normalised(a) === normalised(b))
}

function normalised(text: string): string {
  return text.replaceAll(/%([0-9A-Fa-f]{2})/g, (escaped, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16))
    return /[A-Za-z0-9\-_.!~*'()]/.test(character) ? character : escaped.toUpperCase()
  })
}

function sameParameters(a: Parameters, b: Parameters): boolean {
  const [one, other] = [firstValues(a), firstValues(b)]
  for (const [name, value] of one) {
    const there = other.get(name)
    if (there === undefined ? MUST_MATCH.includes(name) : there !== value) return false
  }
  return MUST_MATCH.every((name) => one.has(name) || !other.has(name))
}

/** The value that counts of each parameter, in the form to compare; names in lower case. */
function firstValues(parameters: Parameters): Map<string, string> {
  const values = new Map<string, string>()
  for (const [name, value] of parameters.entries()) {
    const key = name.toLowerCase()
    if (!values.has(key)) values.set(key, normalised(value).toLowerCase())
  }
  return values
}

function sameHeaders(a: URI, b: URI): boolean {
  const list = (uri: URI) =>
    uriHeaders(uri)
      .map(([name, value]) => `${name.toLowerCase()}=${value}`)
      .sort()
      .join('&')
  return a.headers === b.headers || list(a) === list(b)
}

/**
 * Whether the text may stand as a URI in a SIP message.
 *
 * @throws SIPMessageError ERR_SIPLET_URI
 */
export function checkURI(uri: string): void {
  if (parseURI(uri) !== null) return
  throw new SIPMessageError(
    'ERR_SIPLET_URI',
    `${JSON.stringify(uri.slice(0, 200))} is not a URI; write one such as sip:user@example.com:5060;transport=tcp`,
  )
}

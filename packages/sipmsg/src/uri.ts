/** URIs of start lines and addresses: sip, sips (RFC 3261 section 19.1), tel (RFC 3966), and any other scheme. */
import { SIPMessageError } from './errors.ts'
import { canonicalHost, isIPv6 } from './ip-address.ts'
import { Parameters } from './parameters.ts'
import { COLON, LEFT_BRACKET } from './scan.ts'

const NO_PARAMETERS = new Parameters('')

export interface URI {
  /** The scheme in lower case. */
  readonly scheme: string
  /** The user as written, without the password. For a tel URI, the number. Null if there is none. */
  readonly user: string | null
  readonly password: string | null
  /** The host as written, IPv6 references in brackets. '' if the scheme has no host. */
  readonly host: string
  readonly port: number | null
  readonly parameters: Parameters
  /** The text after the `?`, as written; '' if there is none. {@link uriHeaders} parses it. */
  readonly headers: string
}

/** Schemes that SIP elements know how to handle: those of RFC 3261 and RFC 3966. */
export const KNOWN_SCHEMES = ['sip', 'sips', 'tel']

/**
 * Characters that no URI may contain (RFC 3986 appendix A): white space, control characters and the delimiters of SIP
 * headers first.
 */
const FORBIDDEN = '\\x00-\\x20\\x7f-\\uffff<>"\\\\^`{|}'
const ANY_FORBIDDEN = new RegExp(`[${FORBIDDEN}]`)
const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]*):(.+)$/
const USER = `([^@:${FORBIDDEN}]*)(?::([^@:${FORBIDDEN}]*))?@`
const TAIL = `(?:;([^?${FORBIDDEN}]*))?(?:\\?([^${FORBIDDEN}]*))?`
/** user, password, host, port, parameters and headers in one pass. */
const SIP = new RegExp(
  `^[Ss][Ii][Pp][Ss]?:(?:${USER})?([A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+\\])(?::(\\d{1,5}))?${TAIL}$`,
)
const SIP_SCHEME = /^sips?:/i

/** Returns the parts of a URI; null if it is malformed. */
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
 * Returns a URI without the parts that a Request-URI must not have: the parameter `method`, and headers (section
 * 19.1.1). In the user part, `;` and `?` are ordinary characters (section 25.1). Other schemes and malformed URIs are
 * returned unchanged.
 */
export function bareRequestURI(uri: string): string {
  if (!uri.includes('?') && !/;method/i.test(uri)) return uri
  return withoutParameters(uri, ['method'])
}

/**
 * Returns a SIP URI without headers and without the parameters with these names (in lower case), and without its port
 * if `withoutPort` is set. Other schemes and malformed URIs are returned unchanged.
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

/**
 * Returns the parameters of a SIP URI as written, such as `;lr;ftag=1`. '' if there are none, and for other schemes.
 */
export function parametersText(uri: string): string {
  return sipTail(uri)?.parameters ?? ''
}

/**
 * Returns the end of the host of a SIP URI, the start of its parameters, and the parameters. Null for other schemes.
 */
function sipTail(uri: string): { hostEnd: number; start: number; parameters: string } | null {
  const parsed = SIP_SCHEME.test(uri) ? parseURI(uri) : null
  if (parsed === null) return null
  const hostStart = uri.indexOf(parsed.user === null ? ':' : '@') + 1
  const tail = uri.slice(hostStart).search(/[;?]/)
  const start = tail === -1 ? uri.length : hostStart + tail
  const [parameters = ''] = uri.slice(start).split('?', 1)
  return { hostEnd: hostStart + parsed.host.length, start, parameters }
}

/** Returns the headers of a URI (section 19.1.1) in order, with names and values unescaped. */
export function uriHeaders({ headers }: URI): [name: string, value: string][] {
  if (headers === '') return []
  return headers.split('&').map((header) => {
    const equals = header.indexOf('=')
    if (equals === -1) return [unescapeURI(header), '']
    return [unescapeURI(header.slice(0, equals)), unescapeURI(header.slice(equals + 1))]
  })
}

/**
 * Returns the text with `%HH` escapes replaced by their bytes, as one-byte text (section 19.1.2). A `%` that escapes
 * nothing stays.
 */
export function unescapeURI(text: string): string {
  if (!text.includes('%')) return text
  return text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
}

/** Parameters that make two URIs different if only one URI has them (section 19.1.4). */
const MUST_MATCH = ['user', 'ttl', 'method', 'maddr', 'transport']

/**
 * Returns whether two URIs are equal as section 19.1.4 defines it. The user is compared with case, the rest without.
 * IPv6 references are compared as addresses (RFC 5954 section 4.2). Parameters that both have must be equal, in any
 * order. URIs of other schemes are equal if their texts are, ignoring the case of the scheme. A malformed URI equals
 * nothing.
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

/** An escaped character equals the plain character, except for reserved characters (RFC 3261 section 19.1.4). */
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

/** Returns the first value of each parameter, in the form in which values are compared. Names are in lower case. */
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
 * Checks that the text may be used as a URI in a SIP message.
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

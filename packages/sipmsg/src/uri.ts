/** URIs as they stand in start lines and addresses: sip, sips (RFC 3261 section 19.1), tel (RFC 3966), any other. */
import { SIPMessageError } from './errors.ts'

export interface URI {
  /** In lower case. */
  readonly scheme: string
  /** As written, without the password; of a tel URI the number. Null without one. */
  readonly user: string | null
  readonly password: string | null
  /** As written, IPv6 references in brackets; '' where the scheme has none. */
  readonly host: string
  readonly port: number | null
  /** What stands between the first `;` and the `?`, as written; '' without. */
  readonly parameters: string
  /** What stands behind the `?`, as written; '' without. */
  readonly headers: string
}

const SIP =
  /^(?:([^@:]*)(?::([^@]*))?@)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?(?:;([^?]*))?(?:\?(.*))?$/
const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]*):(.+)$/
/** What no URI may contain (RFC 3986 appendix A), white space, controls and the delimiters of SIP headers first. */
const FORBIDDEN = /[\x00-\x20\x7f-\uffff<>"\\^`{|}]/

/** The parts of a URI; null where it is malformed. */
export function parseURI(uri: string): URI | null {
  const match = SCHEME.exec(uri)
  if (match === null || FORBIDDEN.test(uri)) return null
  const scheme = match[1]!.toLowerCase()
  const rest = match[2]!
  if (scheme === 'sip' || scheme === 'sips') return sipURI(scheme, rest)
  const semicolon = scheme === 'tel' ? rest.indexOf(';') : -1
  const user = semicolon === -1 ? rest : rest.slice(0, semicolon)
  if (scheme === 'tel' && !/^\+?[0-9A-Fa-f*#().-]+$/.test(user)) return null
  return {
    scheme,
    user: scheme === 'tel' ? user : null,
    password: null,
    host: '',
    port: null,
    parameters: semicolon === -1 ? '' : rest.slice(semicolon + 1),
    headers: '',
  }
}

function sipURI(scheme: string, rest: string): URI | null {
  const match = SIP.exec(rest)
  if (match === null) return null
  const [, user, password, host, port, parameters, headers] = match
  const number = port === undefined ? null : Number(port)
  if (number !== null && number > 65_535) return null
  if (user === '') return null
  return {
    scheme,
    user: user ?? null,
    password: password ?? null,
    host: host!,
    port: number,
    parameters: parameters ?? '',
    headers: headers ?? '',
  }
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

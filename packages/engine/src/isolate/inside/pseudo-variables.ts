/**
 * get_pseudoVar and set_pseudoVar: the OpenSIPS pseudo-variables that a message and its exec define. Unknown and
 * read-only variables are errors here; the OpenSIPS module ignores them silently.
 */
import { decodeUtf8, parseURI, type SIPMessage, SIPMessageError } from '@siplet/sipmsg'
import type { ExecState } from './exec-state.ts'

type Read = (message: SIPMessage, exec: ExecState, dstUri: string | null) => string | null

const VARIABLES: Record<string, Read> = {
  $ru: (message) => message.ruri,
  $rU: (message) => user(message.ruri),
  $rd: (message) => domain(message.ruri),
  $rp: (message) => port(message.ruri),
  $du: (_message, _exec, dstUri) => dstUri,
  $fu: (message) => message.fromURI,
  $fU: (message) => user(message.fromURI),
  $fd: (message) => domain(message.fromURI),
  $ft: (message) => message.fromTag,
  $tu: (message) => message.toURI,
  $tU: (message) => user(message.toURI),
  $td: (message) => domain(message.toURI),
  $tt: (message) => message.toTag,
  $ci: (message) => message.callId,
  $cs: (message) => (message.cseqNumber === null ? null : String(message.cseqNumber)),
  // In OpenSIPS, $rm of a reply is the method of its CSeq.
  $rm: (message) => message.method ?? message.cseqMethod,
  $rs: (message) => (message.status === null ? null : String(message.status)),
  $rr: (message) => message.reason,
  $si: (_message, exec) => exec.srcIp,
  $sp: (_message, exec) => String(exec.srcPort),
  $Ri: (_message, exec) => exec.dstIp,
  $Rp: (_message, exec) => String(exec.dstPort),
  $ua: (message) => message.getHeader('User-Agent'),
  $mb: (message) => decodeUtf8(message.text),
  $rb: (message) => message.body,
  $ml: (message) => String(message.text.length),
}

const WRITABLE = '$ru, $rU, $rd, $rp, $du'
const HEADER = /^\$hdr\(([^()]+)\)$/

/**
 * Returns the value of a pseudo-variable such as `$ru` or `$hdr(X-Account)`; null if the message has no such part.
 *
 * @throws SIPMessageError ERR_SIPLET_PSEUDO_VARIABLE if the name is not supported
 */
export function readPseudoVariable(
  name: string,
  message: SIPMessage,
  exec: ExecState,
  dstUri: string | null,
): string | null {
  const header = HEADER.exec(name)
  if (header !== null) return message.getHeader(header[1]!)
  const read = Object.hasOwn(VARIABLES, name) ? VARIABLES[name] : undefined
  if (read === undefined) {
    throw new SIPMessageError(
      'ERR_SIPLET_PSEUDO_VARIABLE',
      `${name} is not a supported pseudo-variable; there are ${Object.keys(VARIABLES).join(' ')} $hdr(name)`,
    )
  }
  return read(message, exec, dstUri)
}

/**
 * Sets $ru, a part of it ($rU, $rd, $rp), or $du.
 *
 * @throws SIPMessageError ERR_SIPLET_PSEUDO_VARIABLE for any other name; ERR_SIPLET_NOT_A_REQUEST for a reply;
 *   ERR_SIPLET_URI if the result would not be a URI
 */
export function writePseudoVariable(
  name: string,
  value: string,
  message: SIPMessage,
  setDstUri: (uri: string) => void,
): void {
  if (!['$ru', '$rU', '$rd', '$rp', '$du'].includes(name)) {
    const known = Object.hasOwn(VARIABLES, name) || HEADER.test(name)
    throw new SIPMessageError(
      'ERR_SIPLET_PSEUDO_VARIABLE',
      `${name} is ${known ? 'read-only' : 'not a supported pseudo-variable'}; these can be set: ${WRITABLE}`,
    )
  }
  if (!message.isRequest) {
    throw new SIPMessageError(
      'ERR_SIPLET_NOT_A_REQUEST',
      `${name} can be set on requests only, this is a SIP_REPLY`,
    )
  }
  if (name === '$du') setDstUri(value)
  else if (name === '$ru') message.rewriteRURI(value)
  else message.rewriteRURI(withPart(message.ruri!, name, value))
}

function user(uri: string | null): string | null {
  return uri === null ? null : (parseURI(uri)?.user ?? null)
}

function domain(uri: string | null): string | null {
  return uri === null ? null : parseURI(uri)?.host || null
}

function port(uri: string | null): string | null {
  const number = uri === null ? null : parseURI(uri)?.port
  return number === null || number === undefined ? null : String(number)
}

/** Returns the URI with a new user, host or port. All other parts stay as written. */
function withPart(uri: string, name: string, value: string): string {
  const match = /^(sips?:)(?:([^@]*)@)?(\[[^\]]*\]|[^:;?]*)(?::(\d*))?(.*)$/is.exec(uri)
  if (match === null) {
    throw new SIPMessageError('ERR_SIPLET_URI', `${name} cannot be set: ${uri} is not a sip or sips URI`)
  }
  const [, scheme, userinfo, host, oldPort, rest] = match
  const password = userinfo?.includes(':') ? userinfo.slice(userinfo.indexOf(':')) : ''
  const parts = {
    user: name === '$rU' ? value + (value === '' ? '' : password) : (userinfo ?? ''),
    host: name === '$rd' ? value : host,
    port: name === '$rp' ? value : (oldPort ?? ''),
  }
  return `${scheme}${parts.user === '' ? '' : `${parts.user}@`}${parts.host}${parts.port === '' ? '' : `:${parts.port}`}${rest}`
}

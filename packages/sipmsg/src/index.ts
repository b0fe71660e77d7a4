/**
 * The SIP message model: reads, edits, frames, validates and builds messages (RFC 3261).
 *
 * @module @siplet/sipmsg
 */

export { type HeaderParts, type ReplyParts, type RequestParts, reply, request } from './build.ts'
export type { Credentials } from './credentials.ts'
export { parseCredentials } from './credentials.ts'
export { applySplices, NO_SPLICES, type Splice } from './edits.ts'
export { SIP_MESSAGE_ERRORS, SIPMessageError } from './errors.ts'
export { FINDINGS, type Finding, type FindingCode, type Severity } from './findings.ts'
export {
  type DatagramFrame,
  type Frame,
  frameOf,
  type HeadLimits,
  StreamFramer,
  type StreamFramerOptions,
} from './framing.ts'
export type { HeaderLine } from './header-line.ts'
export type { CSeq, Header, HeaderValue, RAck } from './header-values.ts'
export { canonicalHost, isIPv6, plainHost } from './ip-address.ts'
export type { HeaderKind, KnownHeader } from './known-headers.ts'
export { type MediaType, parseMediaType } from './media-type.ts'
export { SIPMessage } from './message.ts'
export { isSIP } from './message-text.ts'
export { Address, parseAddress, parseAddresses } from './name-addr.ts'
export { toBytes, toText } from './one-byte-text.ts'
export { Parameters } from './parameters.ts'
export { REASONS } from './reasons.ts'
export type { TokenValue } from './token-value.ts'
export {
  bareRequestURI,
  checkURI,
  equalURIs,
  parametersText,
  parseURI,
  type URI,
  unescapeURI,
  uriHeaders,
  withoutParameters,
} from './uri.ts'
export { decodeUtf8, encodeUtf8 } from './utf8.ts'
export { type ValidateOptions, validate } from './validate.ts'
export { MAGIC_COOKIE, parseVias, Via } from './via.ts'

/** Every error that sipmsg throws: when it happens and what to do about it. Codes are stable. */
export const SIP_MESSAGE_ERRORS = {
  ERR_SIPLET_NOT_SIP: 'the bytes do not begin with a SIP start line (RFC 3261 section 7); drop them',
  ERR_SIPLET_NOT_A_REQUEST: 'the Request-URI of a reply was to be rewritten; test isRequest first',
  ERR_SIPLET_URI: 'not a URI that may stand in a start line (RFC 3261 section 19.1, RFC 3986); correct it',
  ERR_SIPLET_HEADER_NAME: 'a header name must be a token (RFC 3261 section 25.1)',
  ERR_SIPLET_INJECTION: 'CR, LF or NUL in a header value: it would become a header of its own; remove them',
  ERR_SIPLET_CONTENT_LENGTH: 'Content-Length follows from the body; use setBody',
  ERR_SIPLET_METHOD: 'a method must be a token (RFC 3261 section 25.1)',
  ERR_SIPLET_STATUS: 'a status code must be an integer of 100 to 699 (RFC 3261 section 7.2)',
  ERR_SIPLET_NO_REPLY: 'a reply, or an ACK, is never replied to (RFC 3261 section 17)',
  ERR_SIPLET_FRAMING:
    'where a message on a stream ends is unknown (RFC 3261 section 18.3); close the connection',
  ERR_SIPLET_HEAD_TOO_LARGE: 'a head on a stream exceeds maxHeadBytes',
  ERR_SIPLET_BODY_TOO_LARGE: 'a Content-Length on a stream exceeds maxBodyBytes',
  ERR_SIPLET_MESSAGE_TRUNCATED: 'a stream ends within a message',
} as const

/** `code` is one of {@link SIP_MESSAGE_ERRORS}, or a code of a package that builds on this one. */
export class SIPMessageError extends Error {
  // A field, not an assignment: inside an isolate, Error.prototype is frozen, and assigning to `name` would throw.
  override readonly name = 'SIPMessageError'
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

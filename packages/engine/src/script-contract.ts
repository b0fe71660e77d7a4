/**
 * The types of the script contract, for script authors: `import type { SIPMsg } from '@siplet/engine/script'`. The import
 * also declares the globals of a script, such as LM_ERR. The types have no effect at run time.
 *
 * @module @siplet/engine/script
 */
import type { Address, Route } from './wire/request.ts'

export type { Address, Route }

/**
 * The SIP message that a method receives. It is valid until the method returns; after that, every member throws
 * ERR_SIPLET_STALE_MESSAGE. Members throw a {@link SIPMsgError} with a `code`. A call that throws has changed
 * nothing.
 *
 * Texts are decoded as UTF-8. Invalid bytes appear as replacement characters in texts and stay unchanged in the
 * message. Section numbers refer to RFC 3261.
 */
export interface SIPMsg {
  /** Whether the message is a request (section 7.1) or a reply (section 7.2). */
  readonly Type: 'SIP_REQUEST' | 'SIP_REPLY'
  /**
   * The method as written, such as "INVITE" (section 7.1). Requests only; `CSeqMethod` works on both.
   *
   * @throws SIPMsgError ERR_SIPLET_NOT_A_REQUEST
   */
  readonly Method: string
  /**
   * The status code as a string, such as "200" (section 7.2). Replies only.
   *
   * @throws SIPMsgError ERR_SIPLET_NOT_A_REPLY
   */
  readonly Status: string
  /**
   * The reason phrase, such as "OK"; can be '' (section 7.2). Replies only.
   *
   * @throws SIPMsgError ERR_SIPLET_NOT_A_REPLY
   */
  readonly Reason: string
  /**
   * The Request-URI, as rewritten so far (section 8.1.1.1). Requests only. Change it with `rewrite_ruri`.
   *
   * @throws SIPMsgError ERR_SIPLET_NOT_A_REQUEST
   */
  readonly RURI: string
  /**
   * The Request-URI as received. RURI of the OpenSIPS module has this value. Requests only.
   *
   * @throws SIPMsgError ERR_SIPLET_NOT_A_REQUEST
   */
  readonly originalRURI: string
  /**
   * The route for which the embedder runs the method: REQUEST_ROUTE, ONREPLY_ROUTE, FAILURE_ROUTE or BRANCH_ROUTE.
   */
  readonly Route: Route
  /** Source of the message as `[ip, port]`, taken from the socket, not from Via. Frozen; IPv6 without brackets. */
  readonly src_address: Address
  /** Address that received the message, as `[ip, port]`. */
  readonly dst_address: Address
  /** The next hop that `set_dst_uri` set; null if none was set. */
  readonly dst_uri: string | null
  /** Call-ID (section 20.8); null if absent. */
  readonly CallID: string | null
  /** CSeq (section 20.16), such as "1 INVITE"; null if absent. */
  readonly CSeq: string | null
  /** The method of CSeq (section 20.16): in a reply, the method that the reply answers; null if absent. */
  readonly CSeqMethod: string | null
  /** The URI of From (section 20.20), without display name and parameters; null if absent. */
  readonly FromURI: string | null
  /** The tag of From (section 19.3); null if absent. */
  readonly FromTag: string | null
  /** The URI of To (section 20.39), without display name and parameters; null if absent. */
  readonly ToURI: string | null
  /** The tag of To (section 19.3); null if absent, which means that no dialog exists yet. */
  readonly ToTag: string | null
  /** The body as text, with the length given by Content-Length (section 7.4); '' if there is no body. */
  readonly body: string
  /** The whole message with the edits so far. Each char code is one byte. */
  readonly raw: string

  /**
   * Returns an independent copy of the message with the edits so far. Edits of the copy do not affect the message.
   * The copy becomes invalid together with the original.
   */
  copy(): SIPMsg
  /**
   * Replaces the Request-URI (section 16.6 item 2). '' restores the received Request-URI. Requests only.
   *
   * @throws SIPMsgError ERR_SIPLET_NOT_A_REQUEST; ERR_SIPLET_URI if the URI is malformed (section 19.1)
   */
  rewrite_ruri(uri: string): void
  /**
   * Sets the next hop, independent of the Request-URI (section 16.6 item 7). '' clears it. Requests only.
   *
   * @throws SIPMsgError ERR_SIPLET_NOT_A_REQUEST; ERR_SIPLET_URI if the URI is malformed (section 19.1)
   */
  set_dst_uri(uri: string): void
  /**
   * Returns the value of the first header line with this name, unfolded (section 7.3.1), with the edits so far; null
   * if absent. The name is case-insensitive, and the compact form is equivalent to the long form (section 7.3.3).
   */
  getHeader(name: string): string | null
  /** Returns the same value as raw bytes: each char code is one byte, and folds are kept. */
  getHeaderBytes(name: string): string | null
  /** Returns the values of all header lines with this name, in order. A comma-separated line is one entry. */
  getHeaders(name: string): string[]
  /** Returns the name of every header line, in order, as written. */
  headerNames(): string[]
  /**
   * Sets a header to one value: the first header with this name keeps its place, and all others are removed.
   *
   * @throws SIPMsgError ERR_SIPLET_HEADER_NAME if the name is not a token (section 25.1); ERR_SIPLET_INJECTION if the
   *   value contains CR, LF or NUL; ERR_SIPLET_CONTENT_LENGTH for Content-Length, which is set from the body
   */
  setHeader(name: string, value: string): void
  /** Adds a header after the last one. Throws the same errors as `setHeader`. */
  appendHeader(name: string, value: string): void
  /**
   * Removes all headers with this name and returns the number of removed lines. Throws the same errors as
   * `setHeader`.
   */
  removeHeader(name: string): number
  /**
   * Replaces the body, and sets Content-Type and Content-Length (in bytes, section 20.14). An empty text removes the
   * body; an empty content type removes the Content-Type header.
   *
   * @throws SIPMsgError ERR_SIPLET_INJECTION
   */
  setBody(text: string, contentType: string): void
  /**
   * Calls a function of the embedder, with up to 8 arguments. The function sees all edits made so far, and the script
   * sees the edits of the function afterwards. Returns the code of the function, a 32-bit integer. A negative code is
   * no exception, and 0 does not end the script.
   *
   * @throws SIPMsgError ERR_SIPLET_NO_SUCH_FUNCTION; ERR_SIPLET_CALL_FUNCTION if the function threw;
   *   ERR_SIPLET_CALL_FUNCTION_TIMEOUT after limits.callFunctionTimeoutMs; ERR_SIPLET_CALL_FUNCTION_LIMIT
   */
  call_function(name: string, ...args: (string | number)[]): number
  /**
   * Returns the value of a pseudo-variable such as "$fU" or "$hdr(User-Agent)"; null if the message has no such part.
   *
   * @throws SIPMsgError ERR_SIPLET_PSEUDO_VARIABLE if the name is unknown; the error message lists all names
   */
  get_pseudoVar(name: string): string | null
  /**
   * Sets $ru, $rU, $rd, $rp or $du. Requests only.
   *
   * @throws SIPMsgError ERR_SIPLET_PSEUDO_VARIABLE if the variable is read-only; ERR_SIPLET_NOT_A_REQUEST;
   *   ERR_SIPLET_URI if the result would not be a URI
   */
  set_pseudoVar(name: string, value: string): void
}

/**
 * The object that mod_init returns: `child_init`, and the methods that exec calls as `method(msg)`, or as
 * `method(msg, extra)` if the embedder passes an extra argument. A method returns > 0 for true, < 0 for false and 0
 * for stop.
 */
export interface Handler {
  /** Called once with the rank of the child (1 to N). Returns an integer; a negative one refuses the start. */
  child_init(rank: number): number
}

/** The error that members of {@link SIPMsg} throw. It is a global class in a script, so `instanceof` works. */
export interface SIPMsgError extends Error {
  readonly name: 'SIPMsgError'
  /** Stable code, ERR_SIPLET_…; each member documents its codes. */
  readonly code: string
}

/**
 * Logs one line. Strings are written as they are, errors with their stack, other values as JSON, separated by spaces.
 */
export type Log = (...values: unknown[]) => void

declare global {
  var SIPMsgError: { readonly prototype: SIPMsgError; new (code: string, message: string): SIPMsgError }
  /** Logs a line of level `fatal`: immediate action is required. */
  function LM_ALERT(...values: unknown[]): void
  /** Logs a line of level `fatal`: a critical condition. */
  function LM_CRIT(...values: unknown[]): void
  /** Logs a line of level `error`. */
  function LM_ERR(...values: unknown[]): void
  /** Logs a line of level `warn`. */
  function LM_WARN(...values: unknown[]): void
  /** Logs a line of level `info`: a normal but significant event. */
  function LM_NOTICE(...values: unknown[]): void
  /** Logs a line of level `info`. */
  function LM_INFO(...values: unknown[]): void
  /** Logs a line of level `debug`. */
  function LM_DBG(...values: unknown[]): void
  /** The logging functions under the name that the Python module uses. */
  var OpenSIPS: Readonly<Record<`LM_${'ALERT' | 'CRIT' | 'ERR' | 'WARN' | 'NOTICE' | 'INFO' | 'DBG'}`, Log>>
  /** Mapped to the levels above: error, warn, log and info, debug and trace. */
  interface Console {
    error(...values: unknown[]): void
    warn(...values: unknown[]): void
    log(...values: unknown[]): void
    info(...values: unknown[]): void
    debug(...values: unknown[]): void
    trace(...values: unknown[]): void
  }
  var console: Console
  /** Value of `msg.Type` for a request. */
  const SIP_REQUEST: 'SIP_REQUEST'
  /** Value of `msg.Type` for a reply. */
  const SIP_REPLY: 'SIP_REPLY'
}

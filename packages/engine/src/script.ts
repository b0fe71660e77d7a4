/**
 * The types of the script contract, for authors: `import type { SIPMsg } from '@siplet/engine/script'`. The import
 * also makes the globals of a script (LM_ERR and its like) known. Nothing of it exists at run time.
 *
 * @module @siplet/engine/script
 */
import type { Address, Route } from './wire/request.ts'

export type { Address, Route }

/**
 * The SIP message a method is called with. It is there until the method returns; after that every member throws
 * (ERR_SIPLET_STALE_MESSAGE). What throws is a {@link SIPMsgError} with a `code`, and it has changed nothing.
 *
 * Texts are UTF-8 decoded; what is not UTF-8 comes as replacement characters and stays as it is in the message. Sections
 * are those of RFC 3261.
 */
export interface SIPMsg {
  /** Whether it is a request (section 7.1) or a reply (section 7.2). */
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
   * The reason phrase, such as "OK"; it may be '' (section 7.2). Replies only.
   *
   * @throws SIPMsgError ERR_SIPLET_NOT_A_REPLY
   */
  readonly Reason: string
  /**
   * The Request-URI as rewritten (section 8.1.1.1). Requests only. Change it with `rewrite_ruri`.
   *
   * @throws SIPMsgError ERR_SIPLET_NOT_A_REQUEST
   */
  readonly RURI: string
  /**
   * The Request-URI as received: what the OpenSIPS module's RURI is. Requests only.
   *
   * @throws SIPMsgError ERR_SIPLET_NOT_A_REQUEST
   */
  readonly originalRURI: string
  /** The route the embedder runs the method for: REQUEST_ROUTE, ONREPLY_ROUTE, FAILURE_ROUTE or BRANCH_ROUTE. */
  readonly Route: Route
  /** `[ip, port]` the message came from: that of the socket, not that of Via. Frozen; IPv6 without brackets. */
  readonly src_address: Address
  /** `[ip, port]` it came in on. */
  readonly dst_address: Address
  /** The next hop that `set_dst_uri` set; null without one. */
  readonly dst_uri: string | null
  /** Call-ID (section 20.8); null when absent. */
  readonly CallID: string | null
  /** CSeq (section 20.16), such as "1 INVITE"; null when absent. */
  readonly CSeq: string | null
  /** The method of CSeq (section 20.16): what a reply answers; null when absent. */
  readonly CSeqMethod: string | null
  /** The URI of From (section 20.20), without display name and parameters; null when absent. */
  readonly FromURI: string | null
  /** The tag of From (section 19.3); null when absent. */
  readonly FromTag: string | null
  /** The URI of To (section 20.39), without display name and parameters; null when absent. */
  readonly ToURI: string | null
  /** The tag of To (section 19.3); null when absent: there is no dialog yet then. */
  readonly ToTag: string | null
  /** The body as text, as long as Content-Length says (section 7.4); '' without one. */
  readonly body: string
  /** The whole message as it is now; each char code is one byte. */
  readonly raw: string

  /** An independent copy as it is now, edits included. Edits of the copy do not go out; it ends with the original. */
  copy(): SIPMsg
  /**
   * Replaces the Request-URI (section 16.6 item 2); '' reverts to the received one. Requests only.
   *
   * @throws SIPMsgError ERR_SIPLET_NOT_A_REQUEST; ERR_SIPLET_URI where it is malformed (section 19.1)
   */
  rewrite_ruri(uri: string): void
  /**
   * Sets the next hop, whatever the Request-URI is (section 16.6 item 7); '' clears it. Requests only.
   *
   * @throws SIPMsgError ERR_SIPLET_NOT_A_REQUEST; ERR_SIPLET_URI where it is malformed (section 19.1)
   */
  set_dst_uri(uri: string): void
  /**
   * Value of the first header line of that name, unfolded (section 7.3.1), edits included; null when absent. Case does
   * not matter, and compact and long forms are one name (section 7.3.3).
   */
  getHeader(name: string): string | null
  /** The same, but raw: each char code is one byte, folds as they are. */
  getHeaderBytes(name: string): string | null
  /** Values of all header lines of that name, in order; a comma-separated line is one entry. */
  getHeaders(name: string): string[]
  /** Name of every header line, in order, as written. */
  headerNames(): string[]
  /**
   * Leaves one header of that name, with this value: the first one keeps its place, the others go.
   *
   * @throws SIPMsgError ERR_SIPLET_HEADER_NAME where the name is not a token (section 25.1); ERR_SIPLET_INJECTION on CR, LF
   *   or NUL; ERR_SIPLET_CONTENT_LENGTH on Content-Length, which follows from the body
   */
  setHeader(name: string, value: string): void
  /** Adds a header behind the last one. Throws what `setHeader` throws. */
  appendHeader(name: string, value: string): void
  /** Removes all headers of that name; returns how many header lines that were. Throws what `setHeader` throws. */
  removeHeader(name: string): number
  /**
   * Replaces the body; Content-Type and Content-Length (in bytes, section 20.14) follow. An empty text takes the body
   * away, an empty content type the Content-Type header.
   *
   * @throws SIPMsgError ERR_SIPLET_INJECTION
   */
  setBody(text: string, contentType: string): void
  /**
   * Calls a function of the embedder, with up to 8 arguments. It sees every edit made so far, and its own are here
   * afterwards. Returns its code, a 32-bit integer: a negative one is no exception, and 0 does not end the script.
   *
   * @throws SIPMsgError ERR_SIPLET_NO_SUCH_FUNCTION; ERR_SIPLET_CALL_FUNCTION where it threw;
   *   ERR_SIPLET_CALL_FUNCTION_TIMEOUT after limits.callFunctionTimeoutMs; ERR_SIPLET_CALL_FUNCTION_LIMIT
   */
  call_function(name: string, ...args: (string | number)[]): number
  /**
   * Value of a pseudo-variable such as "$fU" or "$hdr(User-Agent)"; null where the message has no such part.
   *
   * @throws SIPMsgError ERR_SIPLET_PSEUDO_VARIABLE where it is none; the message lists those there are
   */
  get_pseudoVar(name: string): string | null
  /**
   * Sets $ru, $rU, $rd, $rp or $du. Requests only.
   *
   * @throws SIPMsgError ERR_SIPLET_PSEUDO_VARIABLE where it is read-only; ERR_SIPLET_NOT_A_REQUEST; ERR_SIPLET_URI where
   *   the outcome would not be a URI
   */
  set_pseudoVar(name: string, value: string): void
}

/**
 * What mod_init returns: `child_init`, and the methods that exec calls as `method(msg)`, or `method(msg, extra)` where
 * the embedder gives an extra argument. Of what a method returns, > 0 is true, < 0 false and 0 stop.
 */
export interface Handler {
  /** Called once with the rank of the child, 1..N; returns an integer, and a negative one refuses the start. */
  child_init(rank: number): number
}

/** What the members of {@link SIPMsg} throw; a global class in a script, so that `instanceof` tells it apart. */
export interface SIPMsgError extends Error {
  readonly name: 'SIPMsgError'
  /** Stable, ERR_SIPLET_…; the members name theirs. */
  readonly code: string
}

/** Logs a line: strings as they are, errors with their stack, other values as JSON, with a space in between. */
export type Log = (...values: unknown[]) => void

declare global {
  var SIPMsgError: { readonly prototype: SIPMsgError; new (code: string, message: string): SIPMsgError }
  /** Logs a line of level `fatal`: action must be taken at once. */
  function LM_ALERT(...values: unknown[]): void
  /** Logs a line of level `fatal`: a critical condition. */
  function LM_CRIT(...values: unknown[]): void
  /** Logs a line of level `error`. */
  function LM_ERR(...values: unknown[]): void
  /** Logs a line of level `warn`. */
  function LM_WARN(...values: unknown[]): void
  /** Logs a line of level `info`: normal, but significant. */
  function LM_NOTICE(...values: unknown[]): void
  /** Logs a line of level `info`. */
  function LM_INFO(...values: unknown[]): void
  /** Logs a line of level `debug`. */
  function LM_DBG(...values: unknown[]): void
  /** The logging functions under the name of the Python module. */
  var OpenSIPS: Readonly<Record<`LM_${'ALERT' | 'CRIT' | 'ERR' | 'WARN' | 'NOTICE' | 'INFO' | 'DBG'}`, Log>>
  /** Mapped onto the levels above: error, warn, log and info, debug and trace. */
  interface Console {
    error(...values: unknown[]): void
    warn(...values: unknown[]): void
    log(...values: unknown[]): void
    info(...values: unknown[]): void
    debug(...values: unknown[]): void
    trace(...values: unknown[]): void
  }
  var console: Console
  /** Value of `msg.Type` of a request. */
  const SIP_REQUEST: 'SIP_REQUEST'
  /** Value of `msg.Type` of a reply. */
  const SIP_REPLY: 'SIP_REPLY'
}

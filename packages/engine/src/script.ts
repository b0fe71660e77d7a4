/**
 * The types of the script contract, for authors: `import type { SIPMsg } from '@siplet/engine/script'`. The import
 * also makes the globals of a script (LM_ERR and its like) known. Nothing of it exists at run time.
 */
import type { Address, Route } from './wire/request.ts'

export type { Address, Route }

/**
 * The SIP message a method is called with. It is there until the method returns; after that every member throws.
 * What throws is an `SIPMsgError` with a `code`, and it has changed nothing.
 */
export interface SIPMsg {
  readonly Type: 'SIP_REQUEST' | 'SIP_REPLY'
  /** The method, as written. Requests only; `CSeqMethod` works on both. */
  readonly Method: string
  /** Status code, such as "200". Replies only. */
  readonly Status: string
  /** Reason phrase. Replies only. */
  readonly Reason: string
  /** Request-URI, as rewritten. Requests only. */
  readonly RURI: string
  /** Request-URI, as received. Requests only. */
  readonly originalRURI: string
  /** The route the embedder runs the method for. */
  readonly Route: Route
  /** IP address and port the message came from. */
  readonly src_address: Address
  /** IP address and port it came in on. */
  readonly dst_address: Address
  /** The next hop that set_dst_uri set; null without one. */
  readonly dst_uri: string | null
  /** Call-ID (RFC 3261 section 20.8); null when absent, as are the ones below. */
  readonly CallID: string | null
  /** CSeq (section 20.16), such as "1 INVITE". */
  readonly CSeq: string | null
  readonly CSeqMethod: string | null
  /** The URI of From (section 20.20), and its tag. */
  readonly FromURI: string | null
  readonly FromTag: string | null
  /** The URI of To (section 20.39), and its tag. */
  readonly ToURI: string | null
  readonly ToTag: string | null
  /** The body as text, as long as Content-Length says; '' without one. */
  readonly body: string
  /** The whole message as it is now; each char code is one byte. */
  readonly raw: string

  /** An independent copy as it is now, edits included. Edits of the copy do not go out. */
  copy(): SIPMsg
  /** Replaces the Request-URI; '' reverts to the received one. Requests only. Throws on a malformed URI. */
  rewrite_ruri(uri: string): void
  /** Sets the next hop, whatever the Request-URI is; '' clears it. Requests only. Throws on a malformed URI. */
  set_dst_uri(uri: string): void
  /**
   * Value of the first header of that name, unfolded; null when absent. Case does not matter, compact and long
   * forms are one name (section 7.3.3). Invalid UTF-8 comes as replacement characters.
   */
  getHeader(name: string): string | null
  /** The same, but raw: each char code is one byte, folds as they are. */
  getHeaderBytes(name: string): string | null
  /** Values of all headers of that name, one entry a header line. */
  getHeaders(name: string): string[]
  /** Name of every header line, as written. */
  headerNames(): string[]
  /** Leaves one header of that name, with this value. Throws on CR, LF or NUL, and on Content-Length. */
  setHeader(name: string, value: string): void
  /** Adds a header behind the last one. Throws what setHeader throws. */
  appendHeader(name: string, value: string): void
  /** Removes all headers of that name; returns how many there were. */
  removeHeader(name: string): number
  /** Replaces the body; Content-Type and Content-Length follow. */
  setBody(text: string, contentType: string): void
  /**
   * Calls a function of the embedder, with up to 8 arguments. It sees every edit made so far, and its own are here
   * afterwards. Returns its code. Throws where there is no such function, or it fails.
   */
  call_function(name: string, ...args: (string | number)[]): number
  /** Value of a pseudo-variable such as "$fU" or "$hdr(User-Agent)"; null where there is none. */
  get_pseudoVar(name: string): string | null
  /** Sets $ru, $rU, $rd, $rp or $du. */
  set_pseudoVar(name: string, value: string): void
}

/** What mod_init returns: `child_init`, and the methods that exec calls. */
export interface Handler {
  /** Called once with the rank of the child, 1..N; a negative value refuses the start. */
  child_init(rank: number): number
}

declare global {
  function LM_ALERT(...values: unknown[]): void
  function LM_CRIT(...values: unknown[]): void
  function LM_ERR(...values: unknown[]): void
  function LM_WARN(...values: unknown[]): void
  function LM_NOTICE(...values: unknown[]): void
  function LM_INFO(...values: unknown[]): void
  function LM_DBG(...values: unknown[]): void
  const SIP_REQUEST: 'SIP_REQUEST'
  const SIP_REPLY: 'SIP_REPLY'
}

/** Headers whose grammar sipmsg knows: canonical name, compact form, and the kind of their values. */

import { COLON } from './scan.ts'

/** What the values of a header are parsed into. See header-values.ts. */
export type HeaderKind =
  | 'via'
  /** One address, such as From. */
  | 'address'
  /** A list of addresses. */
  | 'addresses'
  /** A list of addresses, or `*`. */
  | 'contact'
  | 'cseq'
  | 'rack'
  | 'integer'
  | 'media-type'
  /** One token with parameters. */
  | 'token'
  /** A list of tokens, which may have parameters. */
  | 'tokens'
  /** One challenge or set of credentials per line. */
  | 'credentials'
  | 'text'

export interface KnownHeader {
  readonly name: string
  readonly kind: HeaderKind
  /** Must not occur more than once (RFC 3261 section 7.3.1, table 2 of section 20). */
  readonly single: boolean
}

/**
 * Names by kind. A compact form follows its name after a slash. `!` marks headers that must not occur more than once.
 */
const TABLE: Record<HeaderKind, string> = {
  via: 'Via/v',
  address: 'From/f! To/t! Refer-To/r! Referred-By/b! Reply-To!',
  addresses:
    'Route Record-Route Path Service-Route P-Asserted-Identity P-Preferred-Identity P-Associated-URI Diversion History-Info Alert-Info Call-Info Error-Info',
  contact: 'Contact/m',
  cseq: 'CSeq!',
  rack: 'RAck!',
  integer: 'Content-Length/l! Max-Forwards! Expires! Min-Expires! RSeq!',
  'media-type': 'Content-Type/c!',
  token: 'Event/o! Subscription-State! Session-Expires/x! Content-Disposition! Min-SE!',
  tokens:
    'Allow Supported/k Require Proxy-Require Unsupported Accept Accept-Encoding Accept-Language Accept-Contact/a Reject-Contact/j Request-Disposition/d Content-Encoding/e Content-Language Allow-Events/u In-Reply-To Privacy Reason MIME-Version!',
  credentials: 'Authorization Proxy-Authorization WWW-Authenticate Proxy-Authenticate',
  text: 'Call-ID/i! Subject/s! User-Agent! Server! Organization! Date! Priority! Timestamp! Warning Retry-After! SIP-ETag! SIP-If-Match! Identity/y Identity-Info/n Authentication-Info Join! Replaces!',
}

/** A known header and how it is written at one place: in full, or in its compact form. */
export interface WrittenName {
  readonly header: KnownHeader
  /** Length of the name as written, in characters. */
  readonly length: number
}

/** Canonical names by compact form (one letter). */
export const COMPACT_FORMS: Record<string, string> = {}

/**
 * All names as one tree (a trie): NEXT[32 * state + COLUMN[character]] is the state after a character, 0 if no name
 * continues that way. This is the fastest way to recognise a name that we measured: comparing or hashing strings costs
 * V8 a call each.
 */
const NEXT: number[] = new Array(64).fill(0)
const ROOT = 1
/** The name that ends at each state. */
const NAMES: (WrittenName | undefined)[] = [undefined, undefined]
const LETTERS = 'abcdefghijklmnopqrstuvwxyz-'
/** Column of each character. 0 for characters that occur in no known name. */
const COLUMN = new Uint8Array(256)
for (const [column, letter] of [...LETTERS].entries()) {
  COLUMN[letter.charCodeAt(0)] = COLUMN[letter.toUpperCase().charCodeAt(0)] = column + 1
}

for (const [kind, names] of Object.entries(TABLE)) {
  for (const entry of names.split(' ')) {
    const [name, compact] = entry.replace('!', '').split('/') as [string, string | undefined]
    const header: KnownHeader = { name, kind: kind as HeaderKind, single: entry.endsWith('!') }
    plant(name, header)
    if (compact === undefined) continue
    plant(compact, header)
    COMPACT_FORMS[compact] = name
  }
}
const TREE = Uint16Array.from(NEXT)

function plant(name: string, header: KnownHeader): void {
  let state = ROOT
  for (const letter of name) {
    const place = 32 * state + COLUMN[letter.charCodeAt(0)]!
    if (NEXT[place] === 0) {
      NEXT[place] = NAMES.length
      NAMES.push(undefined)
      NEXT.push(...new Array(32).fill(0))
    }
    state = NEXT[place]!
  }
  NAMES[state] = { header, length: name.length }
}

/**
 * Returns the known name that starts at `start`, in any case, if a colon follows it directly. Most headers are written
 * this way.
 */
export function knownNameAt(text: string, start: number): WrittenName | undefined {
  let state = ROOT
  for (let at = start; ; at++) {
    const code = text.charCodeAt(at)
    const column = COLUMN[code & 255]!
    if (column === 0) return code === COLON ? NAMES[state] : undefined
    state = TREE[32 * state + column]!
    if (state === 0) return undefined
  }
}

/** Returns the known header that text[start..end) names, in any case, long or compact. */
export function knownHeaderAt(text: string, start: number, end: number): KnownHeader | undefined {
  let state = ROOT
  for (let at = start; at < end && state !== 0; at++) {
    const column = COLUMN[text.charCodeAt(at) & 255]!
    if (column === 0) return undefined
    state = TREE[32 * state + column]!
  }
  return NAMES[state]?.header
}

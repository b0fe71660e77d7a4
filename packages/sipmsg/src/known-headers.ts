/** The headers whose grammar sipmsg knows: canonical name, compact form, what their values are. */

import { sameName } from './scan.ts'

/** What a value of a header is parsed into; see header-values.ts. */
export type HeaderKind =
  | 'via'
  /** One address, such as From. */
  | 'address'
  /** A list of addresses. */
  | 'addresses'
  /** A list of addresses, or `*`. */
  | 'contact'
  | 'cseq'
  | 'integer'
  | 'media-type'
  /** A list of tokens, parameters allowed. */
  | 'tokens'
  /** One challenge or set of credentials a line. */
  | 'credentials'
  | 'text'

export interface KnownHeader {
  readonly name: string
  readonly kind: HeaderKind
  /** Must not occur twice (RFC 3261 section 7.3.1, table 2 of section 20). */
  readonly single: boolean
}

/** kind: names, a compact form behind a slash, `!` for those that must not occur twice. */
const TABLE: Record<HeaderKind, string> = {
  via: 'Via/v',
  address: 'From/f! To/t! Refer-To/r! Referred-By/b! Reply-To!',
  addresses:
    'Route Record-Route Path Service-Route P-Asserted-Identity P-Preferred-Identity P-Associated-URI Diversion History-Info Alert-Info Call-Info Error-Info',
  contact: 'Contact/m',
  cseq: 'CSeq!',
  integer: 'Content-Length/l! Max-Forwards! Expires! Min-Expires! RSeq!',
  'media-type': 'Content-Type/c!',
  tokens:
    'Allow Supported/k Require Proxy-Require Unsupported Accept Accept-Encoding Accept-Language Accept-Contact/a Reject-Contact/j Request-Disposition/d Content-Encoding/e Content-Language Allow-Events/u In-Reply-To Event/o! Session-Expires/x! Privacy Reason Subscription-State! Content-Disposition! RAck! MIME-Version!',
  credentials: 'Authorization Proxy-Authorization WWW-Authenticate Proxy-Authenticate',
  text: 'Call-ID/i! Subject/s! User-Agent! Server! Organization! Date! Priority! Timestamp! Warning Retry-After! SIP-ETag! SIP-If-Match! Identity/y Identity-Info/n Authentication-Info Join! Replaces! Min-SE!',
}

/** Names as they are mostly written, with the colon and a space, by first and fourth letter; see {@link usualHeaderAt}. */
const USUAL: ({ prefix: string; header: KnownHeader }[] | undefined)[] = new Array(32 * 32).fill(undefined)
/** By length and first letter; see {@link knownHeaderAt}. Filled, since V8 makes a slow dictionary of sparse arrays. */
const BUCKETS: ({ usual: string; lower: string; header: KnownHeader }[] | undefined)[] = new Array(
  32 * 32,
).fill(undefined)
/** Compact forms of one letter, to the canonical names. */
export const COMPACT_FORMS: Record<string, string> = {}

for (const [kind, names] of Object.entries(TABLE)) {
  for (const entry of names.split(' ')) {
    const [name, compact] = entry.replace('!', '').split('/') as [string, string | undefined]
    const header: KnownHeader = { name, kind: kind as HeaderKind, single: entry.endsWith('!') }
    const prefix = `${name}: `
    const place = bucketOf(prefix.charCodeAt(0) & 31, prefix.charCodeAt(3))
    USUAL[place] = [...(USUAL[place] ?? []), { prefix, header }]
    for (const usual of [name, compact]) {
      if (usual === undefined) continue
      const lower = usual.toLowerCase()
      const bucket = bucketOf(lower.length, lower.charCodeAt(0))
      BUCKETS[bucket] = [...(BUCKETS[bucket] ?? []), { usual, lower, header }]
    }
    if (compact !== undefined) COMPACT_FORMS[compact] = name
  }
}

/** The known header whose line starts at `start`, if it is written as it mostly is: the fast way to find it. */
export function usualHeaderAt(text: string, start: number): KnownHeader | undefined {
  const bucket = USUAL[bucketOf(text.charCodeAt(start) & 31, text.charCodeAt(start + 3))]
  if (bucket === undefined) return undefined
  for (let i = 0; i < bucket.length; i++) {
    if (text.startsWith(bucket[i]!.prefix, start)) return bucket[i]!.header
  }
  return undefined
}

/** The known header that text[start..end) names, in whatever case, compact form or not. */
export function knownHeaderAt(text: string, start: number, end: number): KnownHeader | undefined {
  const bucket = BUCKETS[bucketOf(end - start, text.charCodeAt(start))]
  if (bucket === undefined) return undefined
  for (let i = 0; i < bucket.length; i++) {
    const { usual, lower, header } = bucket[i]!
    if (sameName(text, start, usual, lower)) return header
  }
  return undefined
}

function bucketOf(length: number, first: number): number {
  return length * 32 + (first & 31)
}

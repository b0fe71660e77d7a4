/** Checks that a proxy must make before it routes a request (RFC 3261 section 16.3). */
import {
  type Finding,
  type FindingCode,
  type HeaderLine,
  type SIPMessage,
  type URI,
  validate,
} from '@siplet/sipmsg'

export interface Refusal {
  status: number
  reason?: string
  headers?: [name: string, value: string][]
}

/**
 * Findings that stop routing. Everything else is for the endpoints to judge: a proxy forwards what it need not
 * understand (section 16.3 item 1).
 */
const FATAL: readonly FindingCode[] = [
  'START_LINE_LWS',
  'REQUEST_URI_MALFORMED',
  'HEADER_MISSING',
  'CSEQ_METHOD_MISMATCH',
  'VIA_BRANCH_EMPTY',
  'CONTENT_LENGTH_LARGER',
  'HEAD_UNTERMINATED',
]
const BARE_CR = /\r(?!\n)/
/** Headers that routing depends on. None may be repeated, malformed or out of range. */
const ROUTING = new Set('Via From To Call-ID CSeq Max-Forwards Route Content-Length'.split(' '))

/**
 * Returns null if the request may be routed. A CR that ends no line is refused: Kamailio and Sofia-SIP take it for a
 * line end, others do not. So two elements would see different headers.
 */
export function checkSyntax(request: SIPMessage): Refusal | null {
  if (BARE_CR.test(request.text.slice(0, request.bodyStart))) {
    return { status: 400, reason: 'Bad Request: a CR without LF in the head' }
  }
  let lines: HeaderLine[] | undefined
  /** Findings and header lines are in the same order, so each line is visited once. */
  let k = 0
  for (const finding of validate(request, { headers: ROUTING })) {
    const { code, severity, offset } = finding
    if (code === 'VERSION_UNSUPPORTED') return { status: 505 }
    if (severity !== 'error') continue
    if (FATAL.includes(code)) return { status: 400, reason: reasonOf(finding) }
    lines ??= request.headerLines()
    while (k < lines.length && lines[k]!.valueEnd < offset) k++
    const line = lines[k]
    const routing = line !== undefined && line.start <= offset && ROUTING.has(line.known?.name ?? '')
    if (routing) return { status: 400, reason: reasonOf(finding) }
  }
  return null
}

/** Checks Max-Forwards (item 3) and Proxy-Require (item 5). Returns null if both allow the request to pass. */
export function checkHops(request: SIPMessage): Refusal | null {
  const hops = request.getHeader('Max-Forwards')
  if (hops !== null && Number(hops) === 0) return { status: 483 }
  const unsupported = request.getHeaderList('Proxy-Require')
  if (unsupported.length === 0 || request.method === 'CANCEL' || request.method === 'ACK') return null
  // Option tags are tokens. Anything else would not be safe to send back.
  const tags = unsupported.filter((tag) => /^[\w!%*.+`'~-]+$/.test(tag))
  return { status: 420, headers: tags.length === 0 ? [] : [['Unsupported', tags.join(', ')]] }
}

/** Returns whether a proxy can route by this URI. A malformed URI is not routable. */
export function isRoutable(uri: URI | null): uri is URI {
  return uri !== null && (uri.scheme === 'sip' || uri.scheme === 'sips')
}

/** Returns a finding as a reason phrase: one line, cut to a maximum length. */
function reasonOf({ text }: Finding): string {
  const line = text.replaceAll(/[^\x20-\x7e]/g, '?')
  return `Bad Request: ${line.length > 100 ? `${line.slice(0, 100)}...` : line}`
}

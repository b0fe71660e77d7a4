/**
 * Engine → child: a batch of execs as one string of one-byte text (each char code is a byte). One crossing carries
 * the whole batch, and offsets are byte offsets.
 *
 *   batch  = record *
 *   record = header, method, src ip, dst ip, extra, message
 *   header = offset 0  u8   route (index in ROUTES)
 *                   1  u8   length of method
 *                   2  u8   length of src ip
 *                   3  u8   length of dst ip
 *                   4  u16  src port
 *                   6  u16  dst port
 *                   8  u32  length of extra + 1; 0 = no extra argument
 *                  12  u32  length of message
 *
 * Integers are little-endian. `extra`, method and IP addresses are UTF-8; the latter two are ASCII in practice.
 */
const HEADER_LENGTH = 16

/** The route types of the script contract. A record contains the index. */
export const ROUTES = ['REQUEST_ROUTE', 'ONREPLY_ROUTE', 'FAILURE_ROUTE', 'BRANCH_ROUTE'] as const
export type Route = (typeof ROUTES)[number]

/** IP address as text, and port. */
export type Address = readonly [string, number]

/** One exec as the child sees it. All strings are one-byte text. */
export interface Request {
  route: number
  method: string
  srcIp: string
  srcPort: number
  dstIp: string
  dstPort: number
  extra: string | null
  message: string
}

/** Maximum length of a method name or an IP address: the largest value of its length byte. */
export const MAX_NAME_LENGTH = 255

/** Returns one record as one-byte text. A batch is a concatenation of records. */
export function encodeRequest(request: Request): string {
  const { method, srcIp, dstIp, srcPort, dstPort, extra, message } = request
  const extraLength = extra === null ? 0 : extra.length + 1
  const length = message.length
  const header = String.fromCharCode(
    request.route,
    method.length,
    srcIp.length,
    dstIp.length,
    srcPort & 255,
    srcPort >>> 8,
    dstPort & 255,
    dstPort >>> 8,
    extraLength & 255,
    (extraLength >>> 8) & 255,
    (extraLength >>> 16) & 255,
    extraLength >>> 24,
    length & 255,
    (length >>> 8) & 255,
    (length >>> 16) & 255,
    length >>> 24,
  )
  return header + method + srcIp + dstIp + (extra ?? '') + message
}

/** Reads a batch record by record. `next()` fills and returns the same object each time. */
export class RequestReader {
  readonly #request: Request = {
    route: 0,
    method: '',
    srcIp: '',
    srcPort: 0,
    dstIp: '',
    dstPort: 0,
    extra: null,
    message: '',
  }
  #batch = ''
  #at = 0

  start(batch: string): void {
    this.#batch = batch
    this.#at = 0
  }

  get done(): boolean {
    return this.#at >= this.#batch.length
  }

  next(): Request {
    const batch = this.#batch
    const at = this.#at
    const request = this.#request
    request.route = batch.charCodeAt(at)
    request.srcPort = batch.charCodeAt(at + 4) | (batch.charCodeAt(at + 5) << 8)
    request.dstPort = batch.charCodeAt(at + 6) | (batch.charCodeAt(at + 7) << 8)
    const methodEnd = at + HEADER_LENGTH + batch.charCodeAt(at + 1)
    const srcEnd = methodEnd + batch.charCodeAt(at + 2)
    const dstEnd = srcEnd + batch.charCodeAt(at + 3)
    const extraLength = u32(batch, at + 8)
    const extraEnd = dstEnd + (extraLength === 0 ? 0 : extraLength - 1)
    const end = extraEnd + u32(batch, at + 12)
    request.method = batch.slice(at + HEADER_LENGTH, methodEnd)
    request.srcIp = batch.slice(methodEnd, srcEnd)
    request.dstIp = batch.slice(srcEnd, dstEnd)
    request.extra = extraLength === 0 ? null : batch.slice(dstEnd, extraEnd)
    request.message = batch.slice(extraEnd, end)
    this.#at = end
    return request
  }
}

function u32(text: string, at: number): number {
  return (
    (text.charCodeAt(at) |
      (text.charCodeAt(at + 1) << 8) |
      (text.charCodeAt(at + 2) << 16) |
      (text.charCodeAt(at + 3) << 24)) >>>
    0
  )
}

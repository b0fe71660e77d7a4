/**
 * STUN on a SIP port (RFC 5626 section 4.4.2, RFC 8489): keep-alives of phones behind a NAT. A binding request is
 * answered with its source address. All other STUN messages are dropped.
 */
import { isIPv4 } from 'node:net'
import { crc32 } from 'node:zlib'

const HEADER_LENGTH = 20
const MAGIC_COOKIE = 0x2112a442
const BINDING_REQUEST = 0x0001
const BINDING_SUCCESS = 0x0101
const BINDING_ERROR = 0x0111
const ERROR_CODE = 0x0009
const UNKNOWN_ATTRIBUTES = 0x000a
const XOR_MAPPED_ADDRESS = 0x0020
const FINGERPRINT = 0x8028
const FINGERPRINT_MASK = 0x5354554e
/** Upper bound on attributes that an error names, so that an answer is never much longer than its request. */
const MAX_UNKNOWN = 8

/**
 * Returns whether a datagram is STUN: its first two bits are 0, which no SIP message has, and it has the magic cookie.
 */
export function isSTUN(bytes: Uint8Array): boolean {
  if (bytes.length < HEADER_LENGTH || bytes[0]! > 3) return false
  return viewOf(bytes).getUint32(4) === MAGIC_COOKIE
}

/** Returns the answer to a STUN datagram from that address; null if there is none. */
export function stunAnswer(bytes: Uint8Array, ip: string, port: number): Uint8Array | null {
  const view = viewOf(bytes)
  const length = view.getUint16(2)
  if (view.getUint16(0) !== BINDING_REQUEST || length % 4 !== 0 || HEADER_LENGTH + length !== bytes.length)
    return null
  const unknown: number[] = []
  let fingerprint = false
  for (let at = HEADER_LENGTH; at < bytes.length; ) {
    const type = view.getUint16(at)
    const end = at + 4 + Math.ceil(view.getUint16(at + 2) / 4) * 4
    if (end > bytes.length) return null
    if (type === FINGERPRINT) {
      // FINGERPRINT must be the last attribute, if present (section 14.7).
      if (end !== bytes.length || view.getUint16(at + 2) !== 4) return null
      if (view.getUint32(at + 4) !== fingerprintOf(bytes.subarray(0, at))) return null
      fingerprint = true
    } else if (type < 0x8000) unknown.push(type)
    at = end
  }
  const transaction = bytes.subarray(4, HEADER_LENGTH)
  return unknown.length > 0
    ? message(BINDING_ERROR, transaction, unknownAttributes(unknown.slice(0, MAX_UNKNOWN)), fingerprint)
    : message(BINDING_SUCCESS, transaction, mappedAddress(ip, port, transaction), fingerprint)
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function message(
  type: number,
  transaction: Uint8Array,
  attributes: Uint8Array,
  fingerprint: boolean,
): Uint8Array {
  const end = HEADER_LENGTH + attributes.length
  const bytes = new Uint8Array(end + (fingerprint ? 8 : 0))
  const view = viewOf(bytes)
  view.setUint16(0, type)
  view.setUint16(2, bytes.length - HEADER_LENGTH)
  bytes.set(transaction, 4)
  bytes.set(attributes, HEADER_LENGTH)
  if (fingerprint) {
    view.setUint16(end, FINGERPRINT)
    view.setUint16(end + 2, 4)
    view.setUint32(end + 4, fingerprintOf(bytes.subarray(0, end)))
  }
  return bytes
}

function fingerprintOf(bytes: Uint8Array): number {
  return (crc32(bytes) ^ FINGERPRINT_MASK) >>> 0
}

/** Returns XOR-MAPPED-ADDRESS (section 14.2). */
function mappedAddress(ip: string, port: number, transaction: Uint8Array): Uint8Array {
  const address = addressBytes(ip)
  const bytes = new Uint8Array(8 + address.length)
  const view = viewOf(bytes)
  view.setUint16(0, XOR_MAPPED_ADDRESS)
  view.setUint16(2, 4 + address.length)
  bytes[5] = address.length === 4 ? 1 : 2
  view.setUint16(6, port ^ (MAGIC_COOKIE >>> 16))
  for (const [at, byte] of address.entries()) bytes[8 + at] = byte ^ transaction[at]!
  return bytes
}

/** Expects an IPv6 address as Node writes it. Its zone is left out. */
function addressBytes(ip: string): number[] {
  if (isIPv4(ip)) return ip.split('.').map(Number)
  const [front = '', back] = ip.replace(/%.*$/, '').split('::')
  const groups = (text: string | undefined) =>
    text ? text.split(':').map((group) => Number.parseInt(group, 16)) : []
  const [first, last] = [groups(front), groups(back)]
  const all = [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last]
  return all.flatMap((group) => [group >> 8, group & 255])
}

/** Returns ERROR-CODE 420 without a phrase, and UNKNOWN-ATTRIBUTES (sections 14.8 and 14.9). */
function unknownAttributes(types: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(12 + Math.ceil(types.length / 2) * 4)
  const view = viewOf(bytes)
  view.setUint16(0, ERROR_CODE)
  view.setUint16(2, 4)
  bytes[6] = 4
  bytes[7] = 20
  view.setUint16(8, UNKNOWN_ATTRIBUTES)
  view.setUint16(10, types.length * 2)
  for (const [at, type] of types.entries()) view.setUint16(12 + at * 2, type)
  return bytes
}

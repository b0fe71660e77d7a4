/** Replaces the UDP payload of a captured frame, and recalculates lengths and checksums of all headers. */

import { MAX_LENGTH } from './ethernet.ts'
import type { Frame } from './frame.ts'
import { checksum } from './frame-encoder.ts'
import { PROTOCOL } from './ip.ts'
import { LINKTYPE } from './link-layer.ts'
import { ETHERTYPE } from './network-payload.ts'

const UDP_HEADER_LENGTH = 8
const IPV6_HEADER_LENGTH = 40

/**
 * Returns the new frame. Bytes after the payload, such as Ethernet padding, are left out.
 *
 * @param networkOffset offset of the IP header in the frame, in bytes
 * @param payload the new payload; the UDP datagram must not be fragmented
 */
export function replaceUdpPayload(
  { data, linktype }: Frame,
  networkOffset: number,
  payload: { offset: number },
  bytes: Buffer,
): Buffer {
  const frame = Buffer.concat([data.subarray(0, payload.offset), bytes])
  const ip = frame.subarray(networkOffset)
  const udp = frame.subarray(payload.offset - UDP_HEADER_LENGTH)
  udp.writeUInt16BE(udp.length, 4)
  udp.writeUInt16BE(0, 6)
  const addresses = ip[0]! >> 4 === 4 ? ipv4Header(ip) : ipv6Header(ip)
  const pseudoHeader = Buffer.alloc(4)
  pseudoHeader.writeUInt16BE(PROTOCOL.UDP, 0)
  pseudoHeader.writeUInt16BE(udp.length, 2)
  // A checksum of 0 would mean "no checksum" (RFC 768).
  udp.writeUInt16BE(checksum(addresses, pseudoHeader, udp) || 0xffff, 6)
  if (linktype === LINKTYPE.ETHERNET) {
    pppoeLength(frame, networkOffset)
    // IEEE 802.3 has the length of the payload in place of an EtherType.
    if (frame.readUInt16BE(12) <= MAX_LENGTH) frame.writeUInt16BE(Math.min(frame.length - 14, MAX_LENGTH), 12)
  }
  return frame
}

/** @returns source and destination as in the pseudo header */
function ipv4Header(ip: Buffer): Buffer {
  const header = ip.subarray(0, (ip[0]! & 15) * 4)
  ip.writeUInt16BE(ip.length, 2)
  ip.writeUInt16BE(0, 10)
  ip.writeUInt16BE(checksum(header), 10)
  return ip.subarray(12, 20)
}

function ipv6Header(ip: Buffer): Buffer {
  ip.writeUInt16BE(ip.length - IPV6_HEADER_LENGTH, 4)
  return ip.subarray(8, IPV6_HEADER_LENGTH)
}

/** Updates the length in a PPPoE session header (RFC 2516), which covers the PPP protocol and everything after it. */
function pppoeLength(frame: Buffer, networkOffset: number): void {
  const etherTypeOffset = networkOffset - 10
  if (etherTypeOffset < 12 || frame.readUInt16BE(etherTypeOffset) !== ETHERTYPE.PPPOE_SESSION) return
  frame.writeUInt16BE(frame.length - networkOffset + 2, networkOffset - 4)
}

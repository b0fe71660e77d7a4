/** A captured frame with another UDP payload: lengths and checksums of all headers made right. */
import type { Frame } from './frame.ts'
import { checksum } from './frame-encoder.ts'
import { PROTOCOL } from './ip.ts'
import { ETHERTYPE, LINKTYPE } from './link-layer.ts'

const UDP_HEADER_LENGTH = 8
const IPV6_HEADER_LENGTH = 40

/**
 * What follows the payload, such as padding to the shortest Ethernet frame, is left out.
 *
 * @param networkOffset of the IP header in the frame: bytes
 * @param payload of a UDP datagram that is not fragmented
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
  // 0 means "no checksum" (RFC 768).
  udp.writeUInt16BE(checksum(addresses, pseudoHeader, udp) || 0xffff, 6)
  if (linktype === LINKTYPE.ETHERNET) pppoeLength(frame, networkOffset)
  return frame
}

/** @returns source and destination, as the pseudo header has them */
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

/** A PPPoE session header (RFC 2516) counts the PPP protocol and what follows. */
function pppoeLength(frame: Buffer, networkOffset: number): void {
  const etherTypeOffset = networkOffset - 10
  if (etherTypeOffset < 12 || frame.readUInt16BE(etherTypeOffset) !== ETHERTYPE.PPPOE_SESSION) return
  frame.writeUInt16BE(frame.length - networkOffset + 2, networkOffset - 4)
}

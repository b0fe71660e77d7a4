/**
 * Encodes UDP datagrams, TCP segments and other IP payloads as captured frames: IPv4 and IPv6 with correct checksums,
 * fragmented if they exceed the MTU.
 */
import ipaddr from 'ipaddr.js'
import { PROTOCOL } from './ip.ts'
import { LINKTYPE } from './link-layer.ts'
import { ETHERTYPE } from './network-payload.ts'

export interface Datagram {
  /** IP address and port. Both addresses must have the same IP version. */
  src: readonly [string, number]
  dst: readonly [string, number]
  payload: Uint8Array
}

export interface Segment extends Datagram {
  /** Sequence number of the first byte of the payload, or of the SYN. */
  sequence: number
  acknowledgement?: number
  syn?: boolean
  fin?: boolean
}

/** A packet of any protocol: addresses without ports. */
export interface Packet {
  src: string
  dst: string
  /** See PROTOCOL. */
  protocol: number
  payload: Buffer
}

export interface FrameEncoderOptions {
  /** See LINKTYPE. */
  linktype: number
  /** VLAN ids, outermost first. Only for Ethernet and SLL. */
  vlans?: readonly number[]
  /** Largest IP packet in bytes, including the header. */
  mtu?: number
  /** Identification field, which distinguishes the fragments of different datagrams. */
  identification?: number
}

const IPV4_HEADER_LENGTH = 20
const IPV6_HEADER_LENGTH = 40
const TCP_HEADER_LENGTH = 20
const HOP_LIMIT = 64
const FAMILY = { 4: 2, 6: 10 } as const
const MAC_DST = [0x02, 0, 0, 0, 0, 2]
const MAC_SRC = [0x02, 0, 0, 0, 0, 1]

type Version = 4 | 6

/** Returns the frames of one datagram: one frame, or its fragments. */
export function udpFrames(datagram: Datagram, options: FrameEncoderOptions): Buffer[] {
  const [src, dst] = [addressBytes(datagram.src[0]), addressBytes(datagram.dst[0])]
  return framesOf(src, dst, PROTOCOL.UDP, udpBytes(datagram, src, dst), options)
}

/** Returns the frames of one TCP segment: one frame, or its fragments. */
export function tcpFrames(segment: Segment, options: FrameEncoderOptions): Buffer[] {
  const [src, dst] = [addressBytes(segment.src[0]), addressBytes(segment.dst[0])]
  return framesOf(src, dst, PROTOCOL.TCP, tcpBytes(segment, src, dst), options)
}

/** Returns the frames of a packet of any protocol, such as a tunnel. */
export function ipFrames({ src, dst, protocol, payload }: Packet, options: FrameEncoderOptions): Buffer[] {
  return framesOf(addressBytes(src), addressBytes(dst), protocol, payload, options)
}

function addressBytes(address: string): Buffer {
  return Buffer.from(ipaddr.parse(address).toByteArray())
}

function framesOf(
  src: Buffer,
  dst: Buffer,
  protocol: number,
  data: Buffer,
  options: FrameEncoderOptions,
): Buffer[] {
  const { mtu = 65_535, identification = 0 } = options
  const version = src.length === 4 ? 4 : 6
  const packets = version === 4 ? ipv4Packets : ipv6Packets
  return packets({ src, dst, protocol, data, mtu, identification }).map((packet) =>
    linkFrame(packet, version, options),
  )
}

function udpBytes({ src, dst, payload }: Datagram, srcIp: Buffer, dstIp: Buffer): Buffer {
  const udp = Buffer.concat([Buffer.alloc(8), payload])
  udp.writeUInt16BE(src[1], 0)
  udp.writeUInt16BE(dst[1], 2)
  udp.writeUInt16BE(udp.length, 4)
  // A checksum of 0 would mean "no checksum" (RFC 768).
  udp.writeUInt16BE(checksum(srcIp, dstIp, u16s([PROTOCOL.UDP, udp.length]), udp) || 0xffff, 6)
  return udp
}

function tcpBytes(segment: Segment, srcIp: Buffer, dstIp: Buffer): Buffer {
  const { src, dst, sequence, acknowledgement, syn = false, fin = false, payload } = segment
  const tcp = Buffer.concat([Buffer.alloc(TCP_HEADER_LENGTH), payload])
  tcp.writeUInt16BE(src[1], 0)
  tcp.writeUInt16BE(dst[1], 2)
  tcp.writeUInt32BE(sequence >>> 0, 4)
  tcp.writeUInt32BE((acknowledgement ?? 0) >>> 0, 8)
  tcp[12] = (TCP_HEADER_LENGTH / 4) << 4
  tcp[13] = (fin ? 1 : 0) | (syn ? 2 : 0) | (acknowledgement === undefined ? 0 : 16)
  tcp.writeUInt16BE(0xffff, 14)
  tcp.writeUInt16BE(checksum(srcIp, dstIp, u16s([PROTOCOL.TCP, tcp.length]), tcp), 16)
  return tcp
}

/** The payload of one packet, or of all fragments together. */
interface IPPayload {
  src: Buffer
  dst: Buffer
  protocol: number
  data: Buffer
  mtu: number
  identification: number
}

function ipv4Packets({ src, dst, protocol, data, mtu, identification }: IPPayload): Buffer[] {
  return pieces(data, mtu - IPV4_HEADER_LENGTH, 0).map(({ offset, piece, more }) => {
    const header = Buffer.alloc(IPV4_HEADER_LENGTH)
    header[0] = 0x45
    header.writeUInt16BE(IPV4_HEADER_LENGTH + piece.length, 2)
    header.writeUInt16BE(identification & 0xffff, 4)
    header.writeUInt16BE((more ? 0x2000 : 0) | (offset / 8), 6)
    header[8] = HOP_LIMIT
    header[9] = protocol
    src.copy(header, 12)
    dst.copy(header, 16)
    header.writeUInt16BE(checksum(header), 10)
    return Buffer.concat([header, piece])
  })
}

function ipv6Packets({ src, dst, protocol, data, mtu, identification }: IPPayload): Buffer[] {
  return pieces(data, mtu - IPV6_HEADER_LENGTH, 8).map(({ offset, piece, more }) => {
    const isFragment = more || offset > 0
    const extension = Buffer.alloc(isFragment ? 8 : 0)
    if (isFragment) {
      extension[0] = protocol
      extension.writeUInt16BE(offset | (more ? 1 : 0), 2)
      extension.writeUInt32BE(identification, 4)
    }
    const header = Buffer.alloc(8)
    header[0] = 0x60
    header.writeUInt16BE(extension.length + piece.length, 4)
    header[6] = isFragment ? PROTOCOL.FRAGMENT : protocol
    header[7] = HOP_LIMIT
    return Buffer.concat([header, src, dst, extension, piece])
  })
}

/** @param extra bytes that each piece needs in addition to its data, if there is more than one piece */
function pieces(
  data: Buffer,
  room: number,
  extra: number,
): { offset: number; piece: Buffer; more: boolean }[] {
  if (data.length <= room) return [{ offset: 0, piece: data, more: false }]
  const length = Math.max(8, (room - extra) & ~7)
  const count = Math.ceil(data.length / length)
  return Array.from({ length: count }, (_, k) => ({
    offset: k * length,
    piece: data.subarray(k * length, (k + 1) * length),
    more: k < count - 1,
  }))
}

function linkFrame(packet: Buffer, version: Version, { linktype, vlans = [] }: FrameEncoderOptions): Buffer {
  const etherType = version === 4 ? ETHERTYPE.IPV4 : ETHERTYPE.IPV6
  const tags = [...vlans.flatMap((id) => [ETHERTYPE.VLAN, id]), etherType]
  switch (linktype) {
    case LINKTYPE.ETHERNET:
      return Buffer.concat([Buffer.from([...MAC_DST, ...MAC_SRC]), u16s(tags), packet])
    case LINKTYPE.LINUX_SLL:
      return Buffer.concat([u16s([0, 1, 6]), Buffer.from([...MAC_SRC, 0, 0]), u16s(tags), packet])
    case LINKTYPE.LINUX_SLL2:
      return Buffer.concat([u16s([etherType, 0, 0, 1, 1]), Buffer.from([0, 6, ...MAC_SRC, 0, 0]), packet])
    case LINKTYPE.NULL: {
      const family = Buffer.alloc(4)
      family.writeUInt32LE(FAMILY[version])
      return Buffer.concat([family, packet])
    }
    case LINKTYPE.LOOP:
      return Buffer.concat([u16s([0, FAMILY[version]]), packet])
    case LINKTYPE.PPP:
      return Buffer.concat([u16s([0xff03, version === 4 ? 0x21 : 0x57]), packet])
    default:
      return packet
  }
}

function u16s(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2)
  values.forEach((value, index) => {
    bytes.writeUInt16BE(value, index * 2)
  })
  return bytes
}

/** Returns the internet checksum (RFC 1071) of the parts. Only the last part may have an odd length. */
export function checksum(...parts: readonly Buffer[]): number {
  let sum = 0
  for (const part of parts) {
    for (let at = 0; at < part.length; at += 2) sum += (part[at]! << 8) | (part[at + 1] ?? 0)
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

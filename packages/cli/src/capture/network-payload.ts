/** The payload of one layer, on the way down to an IP packet. */

export const ETHERTYPE = {
  IPV4: 0x0800,
  /** A whole Ethernet frame (transparent Ethernet bridging, RFC 1701). */
  ETHERNET: 0x6558,
  VLAN: 0x8100,
  IPV6: 0x86dd,
  PPP: 0x880b,
  MPLS: 0x8847,
  MPLS_MULTICAST: 0x8848,
  PPPOE_SESSION: 0x8864,
  QINQ: 0x88a8,
  MACSEC: 0x88e5,
  PBB: 0x88e7,
  CISCO_METADATA: 0x8909,
  QINQ_OLD: 0x9100,
  VN_TAG: 0x8926,
  HSR: 0x892f,
  E_TAG: 0x893f,
} as const

/** The bytes of a protocol with an EtherType. */
export interface NetworkPayload {
  etherType: number
  data: Buffer
}

/** Reads the header of one layer. Returns the payload; null if there is none that can be read. */
export type Layer = (data: Buffer) => NetworkPayload | null

/** Returns an IP packet; the version is in its first four bits. */
export function rawIP(data: Buffer): NetworkPayload | null {
  const version = data.length === 0 ? 0 : data[0]! >> 4
  if (version === 4) return { etherType: ETHERTYPE.IPV4, data }
  if (version === 6) return { etherType: ETHERTYPE.IPV6, data }
  return null
}

/** Returns a layer with a header of that many bytes, whose last two bytes are the EtherType of the payload. */
export function typedHeader(length: number): Layer {
  return (data) =>
    data.length < length ? null : { etherType: data.readUInt16BE(length - 2), data: data.subarray(length) }
}

/** Returns a layer with a header of that many bytes before an IP packet. */
export function headerBeforeIP(length: number): Layer {
  return (data) => rawIP(data.subarray(length))
}

/** Returns a layer with a header of that many bytes before an Ethernet frame. */
export function headerBeforeEthernet(length: number): Layer {
  return (data) => ({ etherType: ETHERTYPE.ETHERNET, data: data.subarray(length) })
}

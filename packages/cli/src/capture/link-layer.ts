/** Reads the link layer: finds the IP packet in a frame. */

/** Values from https://www.tcpdump.org/linktypes.html */
export const LINKTYPE = {
  NULL: 0,
  ETHERNET: 1,
  PPP: 9,
  /** Raw IP, with the numbers of two BSDs. */
  RAW_BSD: 12,
  RAW_OPENBSD: 14,
  RAW: 101,
  LOOP: 108,
  LINUX_SLL: 113,
  IPV4: 228,
  IPV6: 229,
  LINUX_SLL2: 276,
} as const

export const ETHERTYPE = {
  IPV4: 0x0800,
  IPV6: 0x86dd,
  VLAN: 0x8100,
  QINQ: 0x88a8,
  QINQ_OLD: 0x9100,
  PPP: 0x880b,
  PPPOE_SESSION: 0x8864,
  MPLS: 0x8847,
  MPLS_MULTICAST: 0x8848,
} as const

const PPP_PROTOCOL = { IPV4: 0x0021, IPV6: 0x0057 } as const
/** Address families of Linux, the BSDs and macOS, as used in NULL and LOOP frames. */
const FAMILY_IPV4 = 2
const FAMILIES_IPV6 = [10, 24, 28, 30]

/** The bytes of an IP packet, or of another protocol with an EtherType. */
export interface NetworkPayload {
  etherType: number
  data: Buffer
}

/** @returns null for a frame without an IP packet, undefined for an unsupported linktype */
export function networkPayload(linktype: number, data: Buffer): NetworkPayload | null | undefined {
  switch (linktype) {
    case LINKTYPE.ETHERNET:
      return data.length < 14 ? null : etherPayload(data.readUInt16BE(12), data.subarray(14))
    case LINKTYPE.LINUX_SLL:
      return data.length < 16 ? null : etherPayload(data.readUInt16BE(14), data.subarray(16))
    case LINKTYPE.LINUX_SLL2:
      return data.length < 20 ? null : etherPayload(data.readUInt16BE(0), data.subarray(20))
    case LINKTYPE.RAW:
    case LINKTYPE.RAW_BSD:
    case LINKTYPE.RAW_OPENBSD:
    case LINKTYPE.IPV4:
    case LINKTYPE.IPV6:
      return rawIP(data)
    case LINKTYPE.NULL:
    case LINKTYPE.LOOP:
      return loopback(data)
    case LINKTYPE.PPP:
      return pppPayload(data)
    default:
      return undefined
  }
}

/** Upper bound on tags and labels before a packet. More of them are an attack. */
const MAX_TAGS = 16

/** Skips VLAN tags (802.1Q, 802.1ad), MPLS labels (RFC 3032), PPPoE (RFC 2516) and a PPP header. */
export function etherPayload(etherType: number, data: Buffer): NetworkPayload | null {
  for (let tags = 0; tags < MAX_TAGS; tags++) {
    switch (etherType) {
      case ETHERTYPE.IPV4:
      case ETHERTYPE.IPV6:
        return { etherType, data }
      case ETHERTYPE.VLAN:
      case ETHERTYPE.QINQ:
      case ETHERTYPE.QINQ_OLD:
        if (data.length < 4) return null
        etherType = data.readUInt16BE(2)
        data = data.subarray(4)
        break
      case ETHERTYPE.MPLS:
      case ETHERTYPE.MPLS_MULTICAST: {
        if (data.length < 4) return null
        const isLast = (data[2]! & 1) !== 0
        data = data.subarray(4)
        if (!isLast) break
        const packet = rawIP(data)
        if (packet !== null) return packet
        // An Ethernet frame in a pseudowire with control word (RFC 4448).
        if (data.length < 18 || data[0]! >> 4 !== 0) return null
        etherType = data.readUInt16BE(16)
        data = data.subarray(18)
        break
      }
      case ETHERTYPE.PPPOE_SESSION:
        return pppPayload(data.subarray(6))
      case ETHERTYPE.PPP:
        return pppPayload(data)
      default:
        return null
    }
  }
  return null
}

/** Reads PPP (RFC 1661): with or without address and control field, with a protocol field of one or two bytes. */
function pppPayload(data: Buffer): NetworkPayload | null {
  let at = data.length >= 2 && data[0] === 0xff && data[1] === 0x03 ? 2 : 0
  if (data.length < at + 2) return null
  let protocol = data[at]!
  if (protocol & 1) at += 1
  else {
    protocol = data.readUInt16BE(at)
    at += 2
  }
  if (protocol === PPP_PROTOCOL.IPV4) return { etherType: ETHERTYPE.IPV4, data: data.subarray(at) }
  if (protocol === PPP_PROTOCOL.IPV6) return { etherType: ETHERTYPE.IPV6, data: data.subarray(at) }
  return null
}

function rawIP(data: Buffer): NetworkPayload | null {
  const version = data.length === 0 ? 0 : data[0]! >> 4
  if (version === 4) return { etherType: ETHERTYPE.IPV4, data }
  if (version === 6) return { etherType: ETHERTYPE.IPV6, data }
  return null
}

/** The address family is in the byte order of the capturing machine. */
function loopback(data: Buffer): NetworkPayload | null {
  if (data.length < 4) return null
  const family = Math.min(data.readUInt32LE(0), data.readUInt32BE(0))
  if (family === FAMILY_IPV4) return { etherType: ETHERTYPE.IPV4, data: data.subarray(4) }
  if (FAMILIES_IPV6.includes(family)) return { etherType: ETHERTYPE.IPV6, data: data.subarray(4) }
  return null
}

/** Ethernet frames, and the tags between the addresses and the payload. */
import { ETHERTYPE, headerBeforeEthernet, type Layer, rawIP, typedHeader } from './network-payload.ts'

/** Upper bound of the length field of IEEE 802.3; larger values are EtherTypes. */
export const MAX_LENGTH = 1_500
const LLC_IP = 0x06
const LLC_SNAP = 0xaa
const SNAP_HEADER_LENGTH = 8

export const ethernet: Layer = (data) => {
  if (data.length < 14) return null
  const etherType = data.readUInt16BE(12)
  return etherType <= MAX_LENGTH ? llc(data.subarray(14)) : { etherType, data: data.subarray(14) }
}

/** IEEE 802.2: IP, or an EtherType after a SNAP header (RFC 1042). */
export const llc: Layer = (data) => {
  if (data.length < SNAP_HEADER_LENGTH) return null
  if (data[0] === LLC_IP && data[1] === LLC_IP) return rawIP(data.subarray(3))
  if (data[0] !== LLC_SNAP || data[1] !== LLC_SNAP) return null
  return { etherType: data.readUInt16BE(6), data: data.subarray(SNAP_HEADER_LENGTH) }
}

/** A label of MPLS (RFC 3032). After the last label: an IP packet, or an Ethernet frame with control word (RFC 4448). */
const mpls: Layer = (data) => {
  if (data.length < 4) return null
  const inner = data.subarray(4)
  if ((data[2]! & 1) === 0) return { etherType: ETHERTYPE.MPLS, data: inner }
  const packet = rawIP(inner)
  if (packet !== null) return packet
  if (inner.length < 18 || inner[0]! >> 4 !== 0) return null
  return { etherType: ETHERTYPE.ETHERNET, data: inner.subarray(4) }
}

/** MACsec (IEEE 802.1AE) without encryption: an integrity check follows the payload. */
const macsec: Layer = (data) => {
  const [SCI_PRESENT, ENCRYPTED_OR_CHANGED] = [0x20, 0x0c]
  const control = data[0] ?? ENCRYPTED_OR_CHANGED
  if (control & ENCRYPTED_OR_CHANGED) return null
  return typedHeader(control & SCI_PRESENT ? 16 : 8)(data)
}

/** Cisco MetaData: version, length in words of four bytes, options. */
const ciscoMetadata: Layer = (data) => typedHeader(4 + 4 * (data[1] ?? 0))(data)

/** Tags and shims, by their EtherType. */
export const TAGS: readonly (readonly [etherType: number, layer: Layer])[] = [
  [ETHERTYPE.ETHERNET, ethernet],
  [ETHERTYPE.VLAN, typedHeader(4)],
  [ETHERTYPE.QINQ, typedHeader(4)],
  [ETHERTYPE.QINQ_OLD, typedHeader(4)],
  [ETHERTYPE.MPLS, mpls],
  [ETHERTYPE.MPLS_MULTICAST, mpls],
  [ETHERTYPE.MACSEC, macsec],
  // IEEE 802.1ah: the I-TAG of a provider backbone bridge.
  [ETHERTYPE.PBB, headerBeforeEthernet(4)],
  [ETHERTYPE.CISCO_METADATA, ciscoMetadata],
  [ETHERTYPE.VN_TAG, typedHeader(6)],
  // IEC 62439-3: high-availability seamless redundancy.
  [ETHERTYPE.HSR, typedHeader(6)],
  // IEEE 802.1BR: bridge port extension.
  [ETHERTYPE.E_TAG, typedHeader(8)],
]

/** Headers of link layers other than Ethernet and PPP. */
import { MAX_LENGTH } from './ethernet.ts'
import { ETHERTYPE, type Layer, type NetworkPayload, rawIP, typedHeader } from './network-payload.ts'
import { ppp } from './ppp.ts'

/** Address families of Linux, the BSDs and macOS, as used in NULL, LOOP, ENC and PFLOG frames. */
const FAMILY_IPV4 = 2
const FAMILIES_IPV6 = [10, 24, 28, 30]

function ofFamily(family: number, data: Buffer): NetworkPayload | null {
  if (family === FAMILY_IPV4) return { etherType: ETHERTYPE.IPV4, data }
  if (FAMILIES_IPV6.includes(family)) return { etherType: ETHERTYPE.IPV6, data }
  return null
}

/**
 * NULL and LOOP: an address family in the byte order of the capturing machine. Some tools write PPP, or an EtherType in
 * place of the family.
 */
export const loopback: Layer = (data) => {
  if (data.length < 4) return null
  if (data[0] === 0xff && data[1] === 0x03) return ppp(data)
  const family = Math.min(data.readUInt32LE(0), data.readUInt32BE(0))
  const payload = data.subarray(4)
  return family > MAX_LENGTH && family <= 0xffff
    ? { etherType: family, data: payload }
    : ofFamily(family, payload)
}

/** Cisco HDLC: address, control, EtherType. */
export const ciscoHDLC: Layer = typedHeader(4)

/** PPP in HDLC framing, or Cisco HDLC (https://www.tcpdump.org/linktypes.html, LINKTYPE_PPP_HDLC). */
export const pppHDLC: Layer = (data) => (data[0] === 0x0f || data[0] === 0x8f ? ciscoHDLC(data) : ppp(data))

/** Frame Relay (RFC 2427) with an address of two bytes: an NLPID after the control field, or Cisco's EtherType. */
export const frameRelay: Layer = (data) => {
  const [CONTROL_UI, NLPID_IPV4, NLPID_IPV6, NLPID_SNAP, NLPID_PPP] = [0x03, 0xcc, 0x8e, 0x80, 0xcf]
  if (data.length < 4) return null
  if (data[2] !== CONTROL_UI) return { etherType: data.readUInt16BE(2), data: data.subarray(4) }
  const at = data[3] === 0 ? 4 : 3
  const payload = data.subarray(at + 1)
  switch (data[at]) {
    case NLPID_IPV4:
    case NLPID_IPV6:
      return rawIP(payload)
    case NLPID_PPP:
      return ppp(payload)
    case NLPID_SNAP:
      return typedHeader(5)(payload)
    default:
      return null
  }
}

/** OpenBSD's enc(4): family, SPI, flags. */
export const openBSDEnc: Layer = (data) => {
  if (data.length < 12) return null
  return ofFamily(Math.min(data.readUInt32LE(0), data.readUInt32BE(0)), data.subarray(12))
}

/** OpenBSD's pflog(4): length of the header, family. The header is padded to a multiple of four bytes. */
export const pfLog: Layer = (data) => {
  if (data.length < 2) return null
  return ofFamily(data[1]!, data.subarray((data[0]! + 3) & ~3))
}

/** Linux's NFLOG: items of length, type and value. The payload of the packet is one of them. */
export const nfLog: Layer = (data) => {
  const [HEADER_LENGTH, ITEM_PAYLOAD, MAX_ITEMS] = [4, 9, 64]
  for (let at = HEADER_LENGTH, items = 0; at + 4 <= data.length && items < MAX_ITEMS; items++) {
    // In the byte order of the capturing machine. No item has 64 KiB or more than 255 types.
    const isLittle = data[at + 3] === 0
    const length = isLittle ? data.readUInt16LE(at) : data.readUInt16BE(at)
    const type = isLittle ? data[at + 2]! : data[at + 3]!
    if (length < 4) return null
    if ((type & 0x7f) === ITEM_PAYLOAD) return rawIP(data.subarray(at + 4, at + length))
    at += (length + 3) & ~3
  }
  return null
}

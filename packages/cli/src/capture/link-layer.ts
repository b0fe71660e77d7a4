/** Reads the link layer: finds the IP packet in a frame. */
import { ethernet, llc, TAGS } from './ethernet.ts'
import { ciscoHDLC, frameRelay, loopback, nfLog, openBSDEnc, pfLog, pppHDLC } from './link-headers.ts'
import { ETHERTYPE, type Layer, type NetworkPayload, rawIP } from './network-payload.ts'
import { ppp, pppoe } from './ppp.ts'

/** Values from https://www.tcpdump.org/linktypes.html */
export const LINKTYPE = {
  NULL: 0,
  ETHERNET: 1,
  PPP: 9,
  /** Raw IP, with the numbers of two BSDs. */
  RAW_BSD: 12,
  RAW_OPENBSD: 14,
  PPP_HDLC: 50,
  PPP_ETHER: 51,
  RAW: 101,
  C_HDLC: 104,
  FRELAY: 107,
  LOOP: 108,
  ENC: 109,
  LINUX_SLL: 113,
  PFLOG: 117,
  IPV4: 228,
  IPV6: 229,
  NFLOG: 239,
  WIRESHARK_UPPER_PDU: 252,
  LINUX_SLL2: 276,
} as const

/** The protocol field of a Linux cooked frame that holds IEEE 802.2. */
const SLL_LLC = 0x0004

function cooked(protocolAt: number, length: number): Layer {
  return (data) => {
    if (data.length < length) return null
    const etherType = data.readUInt16BE(protocolAt)
    const payload = data.subarray(length)
    return etherType === SLL_LLC ? llc(payload) : { etherType, data: payload }
  }
}

const LINK_LAYERS: ReadonlyMap<number, Layer> = new Map<number, Layer>([
  [LINKTYPE.NULL, loopback],
  [LINKTYPE.LOOP, loopback],
  [LINKTYPE.ETHERNET, ethernet],
  [LINKTYPE.PPP, ppp],
  [LINKTYPE.PPP_HDLC, pppHDLC],
  [LINKTYPE.PPP_ETHER, pppoe],
  [LINKTYPE.RAW_BSD, rawIP],
  [LINKTYPE.RAW_OPENBSD, rawIP],
  [LINKTYPE.RAW, rawIP],
  [LINKTYPE.IPV4, rawIP],
  [LINKTYPE.IPV6, rawIP],
  [LINKTYPE.C_HDLC, ciscoHDLC],
  [LINKTYPE.FRELAY, frameRelay],
  [LINKTYPE.ENC, openBSDEnc],
  [LINKTYPE.PFLOG, pfLog],
  [LINKTYPE.NFLOG, nfLog],
  [LINKTYPE.LINUX_SLL, cooked(14, 16)],
  [LINKTYPE.LINUX_SLL2, cooked(0, 20)],
])

const ETHER_LAYERS: ReadonlyMap<number, Layer> = new Map<number, Layer>([
  ...TAGS,
  [ETHERTYPE.PPP, ppp],
  [ETHERTYPE.PPPOE_SESSION, pppoe],
])

/** Upper bound on tags and labels before a packet. More of them are an attack. */
const MAX_LAYERS = 16

/** @returns null for a frame without an IP packet, undefined for an unsupported linktype */
export function networkPayload(linktype: number, data: Buffer): NetworkPayload | null | undefined {
  const layer = LINK_LAYERS.get(linktype)
  return layer && packetIn(layer(data))
}

/** Reads tags, labels and PPP headers until there is an IP packet. Returns null if there is none. */
export function packetIn(payload: NetworkPayload | null): NetworkPayload | null {
  let next = payload
  for (let layers = 0; next !== null && layers <= MAX_LAYERS; layers++) {
    const { etherType, data } = next
    if (etherType === ETHERTYPE.IPV4 || etherType === ETHERTYPE.IPV6) return next
    const layer = ETHER_LAYERS.get(etherType)
    if (layer === undefined) return null
    next = layer(data)
  }
  return null
}

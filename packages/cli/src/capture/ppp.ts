/** PPP (RFC 1661) and PPPoE (RFC 2516). */
import { ETHERTYPE, type Layer } from './network-payload.ts'

const PROTOCOLS: Readonly<Record<number, number>> = {
  33: ETHERTYPE.IPV4,
  87: ETHERTYPE.IPV6,
  641: ETHERTYPE.MPLS,
}
const MULTILINK = 0x003d
const PPPOE_HEADER_LENGTH = 6

/** With or without address and control field, with a protocol field of one or two bytes. */
export const ppp: Layer = (data) => {
  let at = data.length >= 2 && data[0] === 0xff && data[1] === 0x03 ? 2 : 0
  if (data.length < at + 2) return null
  let protocol = data[at]!
  if (protocol & 1) at += 1
  else {
    protocol = data.readUInt16BE(at)
    at += 2
  }
  const payload = data.subarray(at)
  if (protocol === MULTILINK) return multilink(payload)
  const etherType = PROTOCOLS[protocol]
  return etherType === undefined ? null : { etherType, data: payload }
}

/** Multilink PPP (RFC 1990) with long sequence numbers: packets that are not fragmented. */
const multilink: Layer = (data) => {
  const BEGIN_AND_END = 0xc0
  if (data.length < 4 || (data[0]! & BEGIN_AND_END) !== BEGIN_AND_END) return null
  return { etherType: ETHERTYPE.PPP, data: data.subarray(4) }
}

export const pppoe: Layer = (data) => ppp(data.subarray(PPPOE_HEADER_LENGTH))

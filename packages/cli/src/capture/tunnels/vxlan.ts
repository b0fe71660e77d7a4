/** VXLAN (RFC 7348), with the group policy extension, and VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe). */
import { ETHERTYPE, headerBeforeEthernet, type Layer } from '../network-payload.ts'

const FLAG_VALID_ID = 0x08
const FLAG_NEXT_PROTOCOL = 0x04
const HEADER_LENGTH = 8
const NEXT_PROTOCOLS = [undefined, ETHERTYPE.IPV4, ETHERTYPE.IPV6, ETHERTYPE.ETHERNET]

export const vxlan: Layer = (data) => {
  const flags = data[0] ?? 0
  if (!(flags & FLAG_VALID_ID) || data.length < HEADER_LENGTH) return null
  if (!(flags & FLAG_NEXT_PROTOCOL)) return headerBeforeEthernet(HEADER_LENGTH)(data)
  const etherType = NEXT_PROTOCOLS[data[3]!]
  return etherType === undefined ? null : { etherType, data: data.subarray(HEADER_LENGTH) }
}

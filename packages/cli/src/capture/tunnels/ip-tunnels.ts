/** Tunnels directly in IP, by their protocol number (https://www.iana.org/assignments/protocol-numbers). */
import { ETHERTYPE, headerBeforeEthernet, type Layer } from '../network-payload.ts'
import { gre } from './gre.ts'

export const IP_TUNNELS: ReadonlyMap<number, Layer> = new Map<number, Layer>([
  [4, (data) => ({ etherType: ETHERTYPE.IPV4, data })],
  [41, (data) => ({ etherType: ETHERTYPE.IPV6, data })],
  [47, gre],
  // EtherIP (RFC 3378).
  [97, headerBeforeEthernet(2)],
  [137, (data) => ({ etherType: ETHERTYPE.MPLS, data })],
])

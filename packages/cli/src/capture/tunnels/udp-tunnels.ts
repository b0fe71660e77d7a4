/** Tunnels in UDP, by their port. */
import { ETHERTYPE, headerBeforeIP, type Layer, type NetworkPayload } from '../network-payload.ts'
import { capwap } from './capwap.ts'
import { geneve } from './geneve.ts'
import { gtpU } from './gtp-u.ts'
import { l2tp } from './l2tp.ts'
import { teredo } from './teredo.ts'
import { tzsp } from './tzsp.ts'
import { vxlan } from './vxlan.ts'

const BY_PORT: ReadonlyMap<number, Layer> = new Map<number, Layer>([
  [1701, l2tp],
  [2152, gtpU],
  [3544, teredo],
  // LISP (RFC 9300): data packets have a header of eight bytes.
  [4341, headerBeforeIP(8)],
  [4789, vxlan],
  [4790, vxlan],
  [5247, capwap],
  [6081, geneve],
  // MPLS in UDP (RFC 7510).
  [6635, (data) => ({ etherType: ETHERTYPE.MPLS, data })],
  // The port of VXLAN that Linux used before RFC 7348.
  [8472, vxlan],
  // Juniper's packet mirroring: mirror id, session id.
  [30030, headerBeforeIP(8)],
  [37008, tzsp],
])

/** Returns the payload of a tunnel; null if neither port is one of a tunnel, or if the header is not that of the tunnel. */
export function udpTunnelPayload(srcPort: number, dstPort: number, payload: Buffer): NetworkPayload | null {
  const layer = BY_PORT.get(dstPort) ?? BY_PORT.get(srcPort)
  return layer === undefined ? null : layer(payload)
}

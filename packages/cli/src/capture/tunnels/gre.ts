/** GRE (RFC 2784, RFC 2890), its enhanced form for PPP (RFC 2637), and what vendors put into it. */
import { headerBeforeEthernet, type Layer, rawIP } from '../network-payload.ts'

const TYPE = { ERSPAN_III: 0x22eb, EOIP: 0x6400, WCCP: 0x883e, ERSPAN: 0x88be } as const

export const gre: Layer = (data) => {
  if (data.length < 4) return null
  const flags = data.readUInt16BE(0)
  const type = data.readUInt16BE(2)
  // MikroTik's EoIP: length and tunnel id in place of the key.
  if (type === TYPE.EOIP) return headerBeforeEthernet(8)(data)
  const enhanced = (flags & 7) === 1
  const checksumOrRouting = (flags & 0xc000) !== 0
  const key = (flags & 0x2000) !== 0
  const sequence = (flags & 0x1000) !== 0
  const acknowledgement = enhanced && (flags & 0x0080) !== 0
  const length = 4 * (1 + [checksumOrRouting, key, sequence, acknowledgement].filter(Boolean).length)
  if (data.length < length) return null
  const payload = data.subarray(length)
  switch (type) {
    case TYPE.ERSPAN:
      // ERSPAN type I (draft-foschiano-erspan) has neither a sequence number nor a header.
      return headerBeforeEthernet(sequence ? 8 : 0)(payload)
    case TYPE.ERSPAN_III:
      return headerBeforeEthernet(12 + ((payload[11] ?? 0) & 1) * 8)(payload)
    case TYPE.WCCP:
      // WCCP version 2 has a redirect header of four bytes, version 1 has none.
      return rawIP(payload) ?? rawIP(payload.subarray(4))
    default:
      return { etherType: type, data: payload }
  }
}

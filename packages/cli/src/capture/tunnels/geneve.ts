/** GENEVE (RFC 8926). */
import type { Layer } from '../network-payload.ts'

export const geneve: Layer = (data) => {
  if (data.length < 8 || data[0]! >> 6 !== 0) return null
  const optionsLength = (data[0]! & 0x3f) * 4
  return { etherType: data.readUInt16BE(2), data: data.subarray(8 + optionsLength) }
}

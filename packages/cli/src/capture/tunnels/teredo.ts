/** Teredo (RFC 4380): IPv6 in UDP, after optional authentication and origin indication. */
import { type Layer, rawIP } from '../network-payload.ts'

export const teredo: Layer = (data) => {
  let at = 0
  if (data.length >= 4 && data.readUInt16BE(0) === 1) at = 13 + data[2]! + data[3]!
  if (data.length >= at + 2 && data.readUInt16BE(at) === 0) at += 8
  const packet = rawIP(data.subarray(at))
  return packet !== null && data[at]! >> 4 === 6 ? packet : null
}

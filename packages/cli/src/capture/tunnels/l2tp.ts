/** Data messages of L2TP version 2 (RFC 2661): PPP. */
import { ETHERTYPE, type Layer } from '../network-payload.ts'

const CONTROL = 0x8000
const HAS_LENGTH = 0x4000
const HAS_SEQUENCE = 0x0800
const HAS_OFFSET = 0x0200

export const l2tp: Layer = (data) => {
  if (data.length < 8) return null
  const flags = data.readUInt16BE(0)
  if (flags & CONTROL || (flags & 0x0f) !== 2) return null
  let at = flags & HAS_LENGTH ? 8 : 6
  if (flags & HAS_SEQUENCE) at += 4
  if (flags & HAS_OFFSET) {
    if (data.length < at + 2) return null
    at += 2 + data.readUInt16BE(at)
  }
  return { etherType: ETHERTYPE.PPP, data: data.subarray(at) }
}

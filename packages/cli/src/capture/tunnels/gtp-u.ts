/** GTP-U version 1 (3GPP TS 29.281): user packets of mobile networks, with extension headers. */
import { type Layer, rawIP } from '../network-payload.ts'

const VERSION_1_GTP = 0x30
const HAS_OPTIONS = 0x07
const HAS_EXTENSIONS = 0x04
const USER_PACKET = 0xff
const MAX_EXTENSIONS = 16

export const gtpU: Layer = (data) => {
  if (data.length < 12 || (data[0]! & 0xf0) !== VERSION_1_GTP || data[1] !== USER_PACKET) return null
  const flags = data[0]!
  if (!(flags & HAS_OPTIONS)) return rawIP(data.subarray(8))
  let at = 12
  let next = flags & HAS_EXTENSIONS ? data[11]! : 0
  for (let extensions = 0; next !== 0; extensions++) {
    const length = (data[at] ?? 0) * 4
    if (length === 0 || at + length > data.length || extensions === MAX_EXTENSIONS) return null
    next = data[at + length - 1]!
    at += length
  }
  return rawIP(data.subarray(at))
}

/** TZSP (TaZmen Sniffer Protocol): mirrored Ethernet frames, as MikroTik sends them. */
import { headerBeforeEthernet, type Layer } from '../network-payload.ts'

const ETHERNET = 1
const TAG = { PADDING: 0, END: 1 } as const

export const tzsp: Layer = (data) => {
  if (data.length < 5 || data[0] !== 1 || data.readUInt16BE(2) !== ETHERNET) return null
  for (let at = 4; at < data.length; ) {
    const tag = data[at]!
    if (tag === TAG.END) return headerBeforeEthernet(at + 1)(data)
    at += tag === TAG.PADDING ? 1 : 2 + (data[at + 1] ?? 0)
  }
  return null
}

/** Data messages of CAPWAP (RFC 5415) that hold Ethernet frames. Frames of 802.11 and fragments are not read. */
import { headerBeforeEthernet, type Layer } from '../network-payload.ts'

const NATIVE_FRAME = 0x01
const FRAGMENT = 0x80

export const capwap: Layer = (data) => {
  if (data.length < 8 || data[0] !== 0) return null
  if (data[2]! & NATIVE_FRAME || data[3]! & FRAGMENT) return null
  return headerBeforeEthernet((data[1]! >> 3) * 4)(data)
}

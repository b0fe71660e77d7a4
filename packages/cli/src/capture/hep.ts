/** HEP version 3: the encapsulation in which agents of Homer send mirrored messages (EEP/HEP3, sipcapture/HEP). */
import { inflateSync } from 'node:zlib'
import { addressText } from './address.ts'

export interface HEPMessage {
  transport: 'udp' | 'tcp'
  /** Source and destination IP addresses; IPv6 as in RFC 5952. */
  src: string
  dst: string
  srcPort: number
  dstPort: number
  /**
   * Time at which the agent saw the message: seconds since 1970, and nanoseconds beyond. Undefined if the packet does
   * not say.
   */
  seconds: number | undefined
  nanos: number
  payload: Buffer
}

const MAGIC = 'HEP3'
const HEADER_LENGTH = 6
const CHUNK_HEADER_LENGTH = 6
const MAX_PAYLOAD_BYTES = 65_535
const PROTOCOL_TCP = 6
const CHUNK = {
  IP_PROTOCOL: 2,
  SRC_IPV4: 3,
  DST_IPV4: 4,
  SRC_IPV6: 5,
  DST_IPV6: 6,
  SRC_PORT: 7,
  DST_PORT: 8,
  SECONDS: 9,
  MICROSECONDS: 10,
  PAYLOAD: 15,
  COMPRESSED_PAYLOAD: 16,
} as const

export function isHEP(payload: Buffer): boolean {
  return payload.length >= HEADER_LENGTH && payload[0] === 0x48 && payload.toString('latin1', 0, 4) === MAGIC
}

/** @returns null for a packet that contradicts its lengths, or that lacks addresses, ports or payload */
export function readHEP(packet: Buffer): HEPMessage | null {
  const end = packet.readUInt16BE(4)
  if (end > packet.length) return null
  const chunks = new Map<number, Buffer>()
  for (let at = HEADER_LENGTH; at < end; ) {
    if (end - at < CHUNK_HEADER_LENGTH) return null
    const length = packet.readUInt16BE(at + 4)
    if (length < CHUNK_HEADER_LENGTH || at + length > end) return null
    // Only chunks of vendor 0 are part of the standard.
    if (packet.readUInt16BE(at) === 0) {
      chunks.set(packet.readUInt16BE(at + 2), packet.subarray(at + CHUNK_HEADER_LENGTH, at + length))
    }
    at += length
  }
  const address = (v4: number, v6: number) => {
    const [four, six] = [chunks.get(v4), chunks.get(v6)]
    const bytes = four?.length === 4 ? four : six?.length === 16 ? six : undefined
    return bytes && addressText(bytes, 0, bytes.length)
  }
  const number = (type: number, length: number) => {
    const chunk = chunks.get(type)
    return chunk?.length === length ? chunk.readUIntBE(0, length) : undefined
  }
  const src = address(CHUNK.SRC_IPV4, CHUNK.SRC_IPV6)
  const dst = address(CHUNK.DST_IPV4, CHUNK.DST_IPV6)
  const [srcPort, dstPort] = [number(CHUNK.SRC_PORT, 2), number(CHUNK.DST_PORT, 2)]
  const payload = chunks.get(CHUNK.PAYLOAD) ?? inflated(chunks.get(CHUNK.COMPRESSED_PAYLOAD))
  if (src === undefined || dst === undefined || srcPort === undefined || dstPort === undefined || !payload)
    return null
  const micros = number(CHUNK.MICROSECONDS, 4) ?? 0
  return {
    transport: number(CHUNK.IP_PROTOCOL, 1) === PROTOCOL_TCP ? 'tcp' : 'udp',
    src,
    dst,
    srcPort,
    dstPort,
    seconds: number(CHUNK.SECONDS, 4),
    nanos: micros < 1e6 ? micros * 1_000 : 0,
    payload,
  }
}

function inflated(payload: Buffer | undefined): Buffer | undefined {
  if (payload === undefined) return undefined
  try {
    return inflateSync(payload, { maxOutputLength: MAX_PAYLOAD_BYTES })
  } catch {
    return undefined
  }
}

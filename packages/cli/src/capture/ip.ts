/** Reads IPv4 and IPv6 packets: extension headers, fragments and tunnels, down to the transport layer. */
import { addressText } from './address.ts'
import type { CaptureStats } from './capture-stats.ts'
import { Fragments } from './fragments.ts'
import { packetIn } from './link-layer.ts'
import { ETHERTYPE } from './network-payload.ts'
import { IP_TUNNELS } from './tunnels/ip-tunnels.ts'

export const PROTOCOL = {
  HOP_BY_HOP: 0,
  IPIP: 4,
  TCP: 6,
  UDP: 17,
  IPV6: 41,
  ROUTING: 43,
  FRAGMENT: 44,
  GRE: 47,
  AUTHENTICATION: 51,
  DESTINATION_OPTIONS: 60,
  UDP_LITE: 136,
  MPLS: 137,
} as const

/** Payload of an IP packet: a whole UDP datagram or TCP segment. */
export interface TransportPayload {
  /** A value of PROTOCOL. */
  protocol: number
  /** Addresses of the innermost packet; IPv6 as in RFC 5952. */
  src: string
  dst: string
  data: Buffer
  /** Length as sent. It exceeds the length of `data` if the capture cut the frame short. */
  length: number
  /** Number of packets around this one. */
  depth: number
}

/** Upper bound on tunnels within tunnels. More of them are an attack. */
const MAX_DEPTH = 8
const MAX_EXTENSION_HEADERS = 16

export class IPReader {
  readonly #stats: CaptureStats
  readonly #fragments = new Fragments()
  /** Capture time of the current packet. */
  #seconds = 0

  constructor(stats: CaptureStats) {
    this.#stats = stats
  }

  /** Returns the number of fragments given up since the last call. */
  takeIncomplete(): number {
    return this.#fragments.takeDropped()
  }

  /** Like {@link takeIncomplete}, but also gives up the fragments that still wait. */
  end(): number {
    return this.#fragments.end()
  }

  /**
   * @param seconds capture time
   * @param depth number of packets around this one
   * @returns null for a packet that carries neither UDP nor TCP, is malformed, or is a fragment of an incomplete
   * datagram
   */
  read(etherType: number, data: Buffer, seconds: number, depth = 0): TransportPayload | null {
    this.#seconds = seconds
    return this.#packet(etherType, data, depth)
  }

  #packet(etherType: number, data: Buffer, depth: number): TransportPayload | null {
    if (depth > MAX_DEPTH) return this.#malformed()
    return etherType === ETHERTYPE.IPV4 ? this.#ipv4(data, depth) : this.#ipv6(data, depth)
  }

  #ipv4(data: Buffer, depth: number): TransportPayload | null {
    if (data.length < 20 || data[0]! >> 4 !== 4) return this.#malformed()
    const headerLength = (data[0]! & 0x0f) * 4
    if (headerLength < 20 || headerLength > data.length) return this.#malformed()
    // The length is 0 if the network card was to fill it in. Bytes beyond the length are padding of the link layer.
    const totalLength = data.readUInt16BE(2) || data.length
    if (totalLength < headerLength) return this.#malformed()
    const src = addressText(data, 12, 4)
    const dst = addressText(data, 16, 4)
    const protocol = data[9]!
    let payload = data.subarray(headerLength, totalLength)
    let length = totalLength - headerLength
    const fragment = data.readUInt16BE(6)
    const more = (fragment & 0x2000) !== 0
    const offset = (fragment & 0x1fff) * 8
    if (more || offset > 0) {
      const key = `4 ${data.readUInt16BE(4)} ${protocol} ${data.toString('latin1', 12, 20)}`
      const whole = this.#fragments.add(key, offset, more, payload, this.#seconds)
      if (whole === undefined) return null
      payload = whole
      length = whole.length
    }
    return this.#transport({ protocol, src, dst, data: payload, length, depth })
  }

  #ipv6(data: Buffer, depth: number): TransportPayload | null {
    if (data.length < 40 || data[0]! >> 4 !== 6) return this.#malformed()
    const src = addressText(data, 8, 16)
    const dst = addressText(data, 24, 16)
    // The length is 0 in jumbograms (RFC 2675), and if the network card was to fill it in.
    const payloadLength = data.readUInt16BE(4) || data.length - 40
    let payload = data.subarray(40, 40 + payloadLength)
    let length = payloadLength
    let next = data[6]!
    for (let headers = 0; headers < MAX_EXTENSION_HEADERS; headers++) {
      switch (next) {
        case PROTOCOL.HOP_BY_HOP:
        case PROTOCOL.ROUTING:
        case PROTOCOL.DESTINATION_OPTIONS:
        case PROTOCOL.AUTHENTICATION: {
          if (payload.length < 8) return this.#malformed()
          // The authentication header counts words of four bytes, without the first two (RFC 4302).
          const headerLength =
            next === PROTOCOL.AUTHENTICATION ? (payload[1]! + 2) * 4 : (payload[1]! + 1) * 8
          next = payload[0]!
          payload = payload.subarray(headerLength)
          length -= headerLength
          break
        }
        case PROTOCOL.FRAGMENT: {
          if (payload.length < 8) return this.#malformed()
          const field = payload.readUInt16BE(2)
          const key = `6 ${payload.readUInt32BE(4)} ${data.toString('latin1', 8, 40)}`
          next = payload[0]!
          const [offset, more] = [field & 0xfff8, (field & 1) !== 0]
          payload = payload.subarray(8)
          length -= 8
          // An atomic fragment is a whole datagram (RFC 6946).
          if (offset === 0 && !more) break
          const whole = this.#fragments.add(key, offset, more, payload, this.#seconds)
          if (whole === undefined) return null
          payload = whole
          length = whole.length
          break
        }
        default:
          return this.#transport({ protocol: next, src, dst, data: payload, length, depth })
      }
    }
    return this.#malformed()
  }

  #transport(payload: TransportPayload): TransportPayload | null {
    const { protocol, data, depth } = payload
    if (protocol === PROTOCOL.UDP || protocol === PROTOCOL.TCP || protocol === PROTOCOL.UDP_LITE)
      return payload
    if (protocol === PROTOCOL.AUTHENTICATION) return this.#authenticated(payload)
    const inner = packetIn(IP_TUNNELS.get(protocol)?.(data) ?? null)
    return inner && this.#packet(inner.etherType, inner.data, depth + 1)
  }

  /** The authentication header (RFC 4302) in IPv4. */
  #authenticated(payload: TransportPayload): TransportPayload | null {
    const { data } = payload
    if (data.length < 8 || payload.depth > MAX_DEPTH) return this.#malformed()
    const headerLength = (data[1]! + 2) * 4
    return this.#transport({
      ...payload,
      protocol: data[0]!,
      data: data.subarray(headerLength),
      length: payload.length - headerLength,
      depth: payload.depth + 1,
    })
  }

  #malformed(): null {
    this.#stats.skipped.malformed++
    return null
  }
}

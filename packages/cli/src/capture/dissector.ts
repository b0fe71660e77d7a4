/** Turns frames into SIP messages: link layer, IP, then UDP (SIP, HEP, tunnels) or TCP. */
import type { CaptureStats } from './capture-stats.ts'
import type { CapturedMessage, MessageOrigin } from './captured-message.ts'
import { readExportedPDU } from './exported-pdu.ts'
import type { Frame } from './frame.ts'
import { isHEP, readHEP } from './hep.ts'
import { IPReader, PROTOCOL, type TransportPayload } from './ip.ts'
import { LINKTYPE, networkPayload, packetIn } from './link-layer.ts'
import type { NetworkPayload } from './network-payload.ts'
import { SIPStream, startsLikeSIP } from './sip-stream.ts'
import { readSegment } from './tcp.ts'
import { TCPConnections } from './tcp-connections.ts'
import { udpTunnelPayload } from './tunnels/udp-tunnels.ts'

const UDP_HEADER_LENGTH = 8
const SIP_PORTS = [5060, 5061]

/** A place in the captures. */
interface Place {
  file: string
  frame: Frame
  networkOffset: number
}

/** Holds the state that spans frames and files: fragments and TCP connections. */
export class Dissector {
  readonly #stats: CaptureStats
  readonly #keepFrames: boolean
  readonly #ip: IPReader
  readonly #tcp: TCPConnections<Place>
  #messages: CapturedMessage[] = []

  constructor(stats: CaptureStats, keepFrames: boolean) {
    this.#stats = stats
    this.#keepFrames = keepFrames
    this.#ip = new IPReader(stats)
    this.#tcp = new TCPConnections<Place>({
      keep: (place) => this.#kept(place),
      sink: (src, srcPort, dst, dstPort) => {
        const [from, to] = [[src, srcPort] as const, [dst, dstPort] as const]
        const isSIPPort = SIP_PORTS.includes(srcPort) || SIP_PORTS.includes(dstPort)
        return new SIPStream<Place>(
          (transport, bytes, place) => this.#message(transport, from, to, bytes, place),
          stats,
          isSIPPort,
        )
      },
    })
  }

  /** Returns the messages that end in these frames. */
  read(file: string, frames: readonly Frame[]): CapturedMessage[] {
    for (const frame of frames) {
      if (frame.linktype === LINKTYPE.WIRESHARK_UPPER_PDU) {
        this.#exportedPDU({ file, frame, networkOffset: 0 })
        continue
      }
      const network = this.#network(frame)
      if (network === null) continue
      const networkOffset = network.data.byteOffset - frame.data.byteOffset
      this.#packet(network, { file, frame, networkOffset }, 0)
    }
    this.#stats.skipped.fragments += this.#ip.takeIncomplete()
    return this.#taken()
  }

  /** Call it after the last capture. Delivers what still waits for missing pieces. */
  end(): CapturedMessage[] {
    this.#tcp.end()
    this.#stats.skipped.fragments += this.#ip.end()
    return this.#taken()
  }

  #taken(): CapturedMessage[] {
    const messages = this.#messages
    this.#messages = []
    this.#stats.messages += messages.length
    return messages
  }

  #network(frame: Frame): NetworkPayload | null {
    const network = networkPayload(frame.linktype, frame.data)
    const { skipped, unknownLinktypes } = this.#stats
    if (network === null) skipped.notIP++
    if (network !== undefined) return network
    skipped.linktype++
    if (!unknownLinktypes.includes(frame.linktype)) unknownLinktypes.push(frame.linktype)
    return null
  }

  #exportedPDU(place: Place): void {
    const pdu = readExportedPDU(place.frame.data)
    if (pdu === null) this.#stats.skipped.malformed++
    else if (!startsLikeSIP(pdu.payload)) this.#stats.skipped.notSIP++
    else this.#message(pdu.transport, pdu.src, pdu.dst, pdu.payload, place)
  }

  #packet({ etherType, data }: NetworkPayload, place: Place, depth: number): void {
    const transport = this.#ip.read(etherType, data, place.frame.seconds, depth)
    if (transport === null) return
    if (transport.protocol === PROTOCOL.TCP) this.#segment(transport, place)
    else this.#udp(transport, place)
  }

  #udp({ protocol, src, dst, data, depth }: TransportPayload, place: Place): void {
    if (data.length < UDP_HEADER_LENGTH) {
      this.#stats.skipped.malformed++
      return
    }
    // The length field is 0 in jumbograms. It exceeds the data if the capture cut the frame short. UDP-Lite has the
    // coverage of its checksum there (RFC 3828).
    const isLite = protocol === PROTOCOL.UDP_LITE
    const payload = data.subarray(UDP_HEADER_LENGTH, isLite ? undefined : data.readUInt16BE(4) || data.length)
    const srcPort = data.readUInt16BE(0)
    const dstPort = data.readUInt16BE(2)
    if (isHEP(payload)) this.#hep(payload, place)
    else if (startsLikeSIP(payload)) {
      this.#message('udp', [src, srcPort], [dst, dstPort], payload, place, undefined, depth > 0 || isLite)
    } else if (payload.length > 0 && isKeepAlive(payload)) this.#stats.skipped.keepAlive++
    else {
      const network = packetIn(udpTunnelPayload(srcPort, dstPort, payload))
      if (network !== null) this.#packet(network, place, depth + 1)
      else if (SIP_PORTS.includes(srcPort) || SIP_PORTS.includes(dstPort)) this.#stats.skipped.notSIP++
    }
  }

  #hep(packet: Buffer, place: Place): void {
    const hep = readHEP(packet)
    // HEP agents also send call logs, media statistics and registrations.
    if (hep === null || !startsLikeSIP(hep.payload)) {
      this.#stats.skipped.hep++
      return
    }
    const { src, srcPort, dst, dstPort, transport, payload, seconds, nanos } = hep
    const time = seconds === undefined ? undefined : { seconds, nanos }
    this.#message(transport, [src, srcPort], [dst, dstPort], payload, place, time)
  }

  #segment({ src, dst, data, length }: TransportPayload, place: Place): void {
    const segment = readSegment(data, length)
    if (segment === null) {
      this.#stats.skipped.malformed++
      return
    }
    const [srcPort, dstPort] = [data.readUInt16BE(0), data.readUInt16BE(2)]
    this.#tcp.read(src, srcPort, dst, dstPort, segment, place, place.frame.seconds)
  }

  #message(
    transport: CapturedMessage['transport'],
    src: readonly [string, number],
    dst: readonly [string, number],
    bytes: Buffer,
    place: Place,
    { seconds, nanos }: { seconds: number; nanos: number } = place.frame,
    inPieces = true,
  ): void {
    const message = {
      file: place.file,
      frame: place.frame.number,
      time: `${seconds}.${String(nanos).padStart(9, '0')}`,
      transport,
      src,
      dst,
      bytes,
    }
    this.#messages.push(
      this.#keepFrames ? { ...message, origin: originOf(place, inPieces ? undefined : bytes) } : message,
    )
  }

  #kept({ file, frame, networkOffset }: Place): Place {
    const data = this.#keepFrames ? Buffer.from(frame.data) : Buffer.alloc(0)
    return { file, frame: { ...frame, data }, networkOffset }
  }
}

/** @param payload the payload of a whole UDP datagram of the outermost IP packet */
function originOf({ frame, networkOffset }: Place, payload: Buffer | undefined): MessageOrigin {
  const offset = payload === undefined ? -1 : payload.byteOffset - frame.data.byteOffset
  // A payload that was reassembled from fragments is not part of the frame's memory.
  const within =
    payload !== undefined &&
    payload.buffer === frame.data.buffer &&
    offset >= 0 &&
    offset + payload.length <= frame.data.length
  return { frame, networkOffset, payload: within ? { offset, length: payload.length } : null }
}

function isKeepAlive(payload: Buffer): boolean {
  return payload.every((byte) => byte === 0 || byte === 10 || byte === 13)
}

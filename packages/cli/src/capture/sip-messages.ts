/** The SIP messages of a capture, in the order in which they were captured. */
import { isSIP } from '@siplet/sipmsg'
import ipaddr from 'ipaddr.js'
import { readFrames } from './capture-file.ts'
import type { CaptureStats } from './capture-stats.ts'
import type { Frame } from './frame.ts'
import { IPReader, PROTOCOL, type TransportPayload } from './ip.ts'
import { type NetworkPayload, networkPayload } from './link-layer.ts'

export interface CapturedMessage {
  /** Path of the capture. */
  readonly file: string
  /** Number of the frame in which the message ended. */
  readonly frame: number
  /** When that was: seconds since 1970, with nine decimals. */
  readonly time: string
  readonly transport: 'udp' | 'tcp' | 'ws'
  /** IP address (IPv6 as in RFC 5952) and port. */
  readonly src: readonly [string, number]
  readonly dst: readonly [string, number]
  readonly bytes: Buffer
  /** What the message was captured in; only with {@link ReadOptions.keepFrames}. */
  readonly origin?: MessageOrigin
}

/** What it takes to write a message again as it was captured. */
export interface MessageOrigin {
  /** The frame in which the message ended. Of messages in pieces it holds the last of them. */
  readonly frame: Frame
  /** Offset in `frame.data` of the outermost IP packet, the link layer's headers being in front of it: bytes. */
  readonly networkOffset: number
  /**
   * Where the message stands in `frame.data`, when it is the payload of one UDP datagram of the outermost IP packet and
   * can be replaced in place. Null where it cannot: in fragments, streams, tunnels and HEP.
   */
  readonly payload: { readonly offset: number; readonly length: number } | null
}

export interface ReadOptions {
  /** Told the bytes of the file read so far. */
  onBytes?(total: number): void
  /** Whether messages come with their {@link CapturedMessage.origin}; memory is held as long as they are. */
  keepFrames?: boolean
}

const UDP_HEADER_LENGTH = 8
const SIP_PORTS = [5060, 5061]
const KNOWN_ADDRESSES_LIMIT = 10_000

/**
 * As many messages at a time as one chunk of the file held. A datagram is SIP when it begins with a start line,
 * whatever its ports; everything else is counted in `stats`.
 *
 * @throws CaptureError ERR_SIPLET_CAPTURE_NOT_FOUND, ERR_SIPLET_CAPTURE_FORMAT
 */
export async function* readSIPMessages(
  path: string,
  stats: CaptureStats,
  { onBytes, keepFrames = false }: ReadOptions = {},
): AsyncGenerator<CapturedMessage[]> {
  const ip = new IPReader(stats)
  const fragmentsBefore = stats.skipped.fragments
  let read = 0
  const events = {
    onBytes(total: number) {
      stats.bytes += total - read
      read = total
      onBytes?.(total)
    },
    onTruncated(truncation: { offset: number; reason: string }) {
      stats.truncated[path] = truncation
    },
  }
  for await (const frames of readFrames(path, events)) {
    const messages: CapturedMessage[] = []
    for (const frame of frames) {
      const network = networkOf(frame, stats)
      const transport = network && ip.read(network.etherType, network.data)
      const message = transport && sipMessage(path, frame, transport, stats)
      if (!message) continue
      messages.push(
        keepFrames ? { ...message, origin: originOf(frame, network, transport, message.bytes) } : message,
      )
    }
    stats.frames += frames.length
    stats.messages += messages.length
    stats.skipped.fragments = fragmentsBefore + ip.incompleteFragments
    if (messages.length > 0) yield messages
  }
}

function networkOf(frame: Frame, stats: CaptureStats): NetworkPayload | null {
  const network = networkPayload(frame.linktype, frame.data)
  if (network === undefined) {
    stats.skipped.linktype++
    if (!stats.unknownLinktypes.includes(frame.linktype)) stats.unknownLinktypes.push(frame.linktype)
    return null
  }
  if (network === null) stats.skipped.notIP++
  return network
}

function originOf(
  frame: Frame,
  network: NetworkPayload,
  { tunnelled }: TransportPayload,
  bytes: Buffer,
): MessageOrigin {
  const offset = bytes.byteOffset - frame.data.byteOffset
  // What was put together from fragments lies in memory of its own.
  const within =
    bytes.buffer === frame.data.buffer && offset >= 0 && offset + bytes.length <= frame.data.length
  return {
    frame,
    networkOffset: network.data.byteOffset - frame.data.byteOffset,
    payload: within && !tunnelled ? { offset, length: bytes.length } : null,
  }
}

function sipMessage(
  file: string,
  frame: Frame,
  { protocol, src, dst, data }: TransportPayload,
  stats: CaptureStats,
): CapturedMessage | null {
  if (protocol === PROTOCOL.TCP) {
    if (startsLikeSIP(tcpPayload(data))) stats.skipped.tcp++
    return null
  }
  if (data.length < UDP_HEADER_LENGTH) {
    stats.skipped.malformed++
    return null
  }
  // 0 in jumbograms; longer than what there is where the capture cut the frame short.
  const length = data.readUInt16BE(4) || data.length
  const payload = data.subarray(UDP_HEADER_LENGTH, length)
  const srcPort = data.readUInt16BE(0)
  const dstPort = data.readUInt16BE(2)
  if (!startsLikeSIP(payload)) {
    if (payload.length > 0 && isKeepAlive(payload)) stats.skipped.keepAlive++
    else if (SIP_PORTS.includes(srcPort) || SIP_PORTS.includes(dstPort)) stats.skipped.notSIP++
    return null
  }
  return {
    file,
    frame: frame.number,
    time: `${frame.seconds}.${String(frame.nanos).padStart(9, '0')}`,
    transport: 'udp',
    src: [addressText(src), srcPort],
    dst: [addressText(dst), dstPort],
    bytes: payload,
  }
}

function tcpPayload(segment: Buffer): Buffer {
  return segment.length < 20 ? segment.subarray(0, 0) : segment.subarray((segment[12]! >> 4) * 4)
}

/** Media, which is most of many captures, is told apart by its first byte. */
function startsLikeSIP(payload: Buffer): boolean {
  const first = payload[0]
  return first !== undefined && first >= 10 && first < 127 && isSIP(payload)
}

function isKeepAlive(payload: Buffer): boolean {
  return payload.every((byte) => byte === 0 || byte === 10 || byte === 13)
}

const known = new Map<string, string>()

/** A capture has few addresses, many times. */
function addressText(bytes: Buffer): string {
  const key = bytes.toString('latin1')
  let text = known.get(key)
  if (text === undefined) {
    const address = ipaddr.fromByteArray([...bytes])
    text = address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString()
    if (known.size >= KNOWN_ADDRESSES_LIMIT) known.clear()
    known.set(key, text)
  }
  return text
}

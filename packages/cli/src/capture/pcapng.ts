/**
 * The pcapng format (draft-ietf-opsawg-pcapng), with several sections and interfaces. Blocks without frames are
 * skipped.
 */
import { type Frame, type FrameFormat, MAX_RECORD_BYTES, type RecordEnd } from './frame.ts'

export const SECTION_HEADER = 0x0a0d0d0a
export const INTERFACE_DESCRIPTION = 1
const PACKET = 2
const SIMPLE_PACKET = 3
export const ENHANCED_PACKET = 6
const SYSTEMD_JOURNAL_EXPORT = 9
const CUSTOM = 0x0bad
const CUSTOM_NOT_TO_BE_COPIED = 0x4000_0bad
export const BYTE_ORDER_MAGIC = 0x1a2b3c4d

/** All other blocks are skipped, of whatever length. */
const BLOCKS_THAT_ARE_READ: ReadonlySet<number> = new Set([
  SECTION_HEADER,
  INTERFACE_DESCRIPTION,
  PACKET,
  SIMPLE_PACKET,
  ENHANCED_PACKET,
])

export const OPTION_END = 0
export const OPTION_IF_TSRESOL = 9
const OPTION_IF_TSOFFSET = 14

/** Bytes of a block's type, length, and repeated length. */
const BLOCK_OVERHEAD = 12
const MICROSECONDS = 6

interface Interface {
  linktype: number
  /** Longest captured frame; 0 means no limit. */
  snapLength: number
  ticksPerSecond: number
  /** Seconds that are added to every time. */
  offsetSeconds: number
}

/** Offsets of a block's content, between its two lengths. A view would cost one more object per frame. */
interface Body {
  bytes: Buffer
  start: number
  length: number
}

export class PcapngFormat implements FrameFormat {
  #littleEndian = true
  #interfaces: Interface[] = []
  #count = 0

  /** @returns undefined if the four bytes are not those of a section header */
  static detect(magic: Buffer): PcapngFormat | undefined {
    return magic.readUInt32BE(0) === SECTION_HEADER ? new PcapngFormat() : undefined
  }

  read(bytes: Buffer, at: number, frames: Frame[]): RecordEnd {
    if (bytes.length - at < BLOCK_OVERHEAD) return 'incomplete'
    // The type of a section header is the same in both byte orders. The section header tells the order of what follows.
    if (bytes.readUInt32BE(at) === SECTION_HEADER) {
      const little = bytes.readUInt32LE(at + 8) === BYTE_ORDER_MAGIC
      if (!little && bytes.readUInt32BE(at + 8) !== BYTE_ORDER_MAGIC) {
        return { corrupt: 'a section header has no byte-order magic' }
      }
      this.#littleEndian = little
      this.#interfaces = []
    }
    const length = this.#u32(bytes, at + 4)
    const type = this.#u32(bytes, at)
    const isRead = BLOCKS_THAT_ARE_READ.has(type)
    if (length < BLOCK_OVERHEAD || length % 4 !== 0 || (isRead && length > MAX_RECORD_BYTES)) {
      return { corrupt: `a block claims ${length} bytes` }
    }
    const end = at + length
    if (isRead && bytes.length < end) return 'incomplete'
    if (bytes.length >= end && this.#u32(bytes, end - 4) !== length)
      return { corrupt: 'the two lengths of a block differ' }
    return this.#block(type, { bytes, start: at + 8, length: length - BLOCK_OVERHEAD }, frames) ?? end
  }

  #block(type: number, body: Body, frames: Frame[]): { corrupt: string } | undefined {
    const { bytes, start, length } = body
    switch (type) {
      case INTERFACE_DESCRIPTION:
        if (length < 8) return { corrupt: 'an interface description is too short' }
        this.#interfaces.push(this.#interface(bytes.subarray(start, start + length)))
        return undefined
      case ENHANCED_PACKET:
        if (length < 20) return { corrupt: 'a packet block is too short' }
        return this.#packet(body, this.#u32(bytes, start), frames)
      case PACKET:
        if (length < 20) return { corrupt: 'a packet block is too short' }
        return this.#packet(body, this.#u16(bytes, start), frames)
      case SIMPLE_PACKET:
        if (length < 4) return { corrupt: 'a packet block is too short' }
        return this.#simplePacket(body, frames)
      case SYSTEMD_JOURNAL_EXPORT:
      case CUSTOM:
      case CUSTOM_NOT_TO_BE_COPIED:
        // They hold no packet, but tshark counts them, and frame numbers must be the same.
        this.#count++
        return undefined
      default:
        return undefined
    }
  }

  #interface(body: Buffer): Interface {
    const description = {
      linktype: this.#u16(body, 0),
      snapLength: this.#u32(body, 4),
      ticksPerSecond: 10 ** MICROSECONDS,
      offsetSeconds: 0,
    }
    for (let at = 8; at + 4 <= body.length; ) {
      const option = this.#u16(body, at)
      const length = this.#u16(body, at + 2)
      const value = body.subarray(at + 4, at + 4 + length)
      if (option === OPTION_END) break
      if (option === OPTION_IF_TSRESOL && value.length === 1) {
        description.ticksPerSecond = (value[0]! & 0x80 ? 2 : 10) ** (value[0]! & 0x7f)
      }
      if (option === OPTION_IF_TSOFFSET && value.length === 8) {
        description.offsetSeconds = Number(
          this.#littleEndian ? value.readBigInt64LE(0) : value.readBigInt64BE(0),
        )
      }
      at += 4 + Math.ceil(length / 4) * 4
    }
    return description
  }

  /** Reads enhanced packet blocks and the obsolete packet blocks, which differ only in how they name the interface. */
  #packet(body: Body, interfaceId: number, frames: Frame[]): { corrupt: string } | undefined {
    const { bytes, start } = body
    const description = this.#interfaces[interfaceId]
    if (description === undefined)
      return { corrupt: `a packet names interface ${interfaceId}, which there is not` }
    const length = this.#u32(bytes, start + 12)
    if (length > body.length - 20) return { corrupt: `a packet claims ${length} bytes` }
    const { ticksPerSecond, offsetSeconds, linktype } = description
    const { seconds, nanos } = timeOf(
      this.#u32(bytes, start + 4),
      this.#u32(bytes, start + 8),
      ticksPerSecond,
    )
    frames.push({
      number: ++this.#count,
      seconds: seconds + offsetSeconds,
      nanos,
      linktype,
      ticksPerSecond,
      data: bytes.subarray(start + 20, start + 20 + length),
    })
    return undefined
  }

  #simplePacket({ bytes, start, length }: Body, frames: Frame[]): { corrupt: string } | undefined {
    const description = this.#interfaces[0]
    if (description === undefined) return { corrupt: 'a simple packet stands before any interface' }
    const { linktype, snapLength, ticksPerSecond } = description
    const captured = Math.min(this.#u32(bytes, start), length - 4, snapLength || Number.POSITIVE_INFINITY)
    // These blocks have no time.
    frames.push({
      number: ++this.#count,
      seconds: 0,
      nanos: 0,
      linktype,
      ticksPerSecond,
      data: bytes.subarray(start + 4, start + 4 + captured),
    })
    return undefined
  }

  #u16(bytes: Buffer, at: number): number {
    return this.#littleEndian ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at)
  }

  #u32(bytes: Buffer, at: number): number {
    return this.#littleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)
  }
}

/** Returns seconds and nanoseconds of a time in ticks, given as its upper and lower 32 bits. */
function timeOf(high: number, low: number, ticksPerSecond: number): { seconds: number; nanos: number } {
  const ticks = high * 2 ** 32 + low
  // Most captures use microseconds, which are exact as a number. Finer ticks have more digits than a number holds.
  if (ticks <= Number.MAX_SAFE_INTEGER && ticksPerSecond <= 1e6) {
    const seconds = Math.floor(ticks / ticksPerSecond)
    return { seconds, nanos: Math.floor(((ticks - seconds * ticksPerSecond) * 1e9) / ticksPerSecond) }
  }
  const [exact, perSecond] = [(BigInt(high) << 32n) | BigInt(low), BigInt(ticksPerSecond)]
  return {
    seconds: Number(exact / perSecond),
    nanos: Number(((exact % perSecond) * 1_000_000_000n) / perSecond),
  }
}

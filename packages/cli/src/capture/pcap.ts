/** The classic capture format (draft-ietf-opsawg-pcap) in both byte orders, with microseconds or nanoseconds. */
import { type Frame, type FrameFormat, MAX_RECORD_BYTES, type RecordEnd } from './frame.ts'

export const PCAP_FILE_HEADER_LENGTH = 24
export const PCAP_RECORD_HEADER_LENGTH = 16
export const PCAP_MAGIC_MICROSECONDS = 0xa1b2c3d4
export const PCAP_MAGIC_NANOSECONDS = 0xa1b23c4d
/**
 * Patched versions of libpcap for Linux 2.2 wrote this number (https://wiki.wireshark.org/Development/LibpcapFileFormat).
 * After the usual header of a record come interface, protocol and type of the packet.
 */
const MAGIC_MODIFIED = 0xa1b2cd34
const MODIFIED_RECORD_HEADER_LENGTH = 24

export class PcapFormat implements FrameFormat {
  readonly #u32: (bytes: Buffer, at: number) => number
  readonly #nanosPerTick: number
  readonly #recordHeaderLength: number
  #linktype: number | undefined
  #count = 0

  private constructor(
    littleEndian: boolean,
    nanosPerTick: number,
    recordHeaderLength = PCAP_RECORD_HEADER_LENGTH,
  ) {
    this.#u32 = littleEndian ? (bytes, at) => bytes.readUInt32LE(at) : (bytes, at) => bytes.readUInt32BE(at)
    this.#nanosPerTick = nanosPerTick
    this.#recordHeaderLength = recordHeaderLength
  }

  /** @returns undefined if the four bytes are no magic number of pcap */
  static detect(magic: Buffer): PcapFormat | undefined {
    for (const littleEndian of [true, false]) {
      const value = littleEndian ? magic.readUInt32LE(0) : magic.readUInt32BE(0)
      if (value === PCAP_MAGIC_MICROSECONDS) return new PcapFormat(littleEndian, 1_000)
      if (value === PCAP_MAGIC_NANOSECONDS) return new PcapFormat(littleEndian, 1)
      if (value === MAGIC_MODIFIED) return new PcapFormat(littleEndian, 1_000, MODIFIED_RECORD_HEADER_LENGTH)
    }
    return undefined
  }

  read(bytes: Buffer, at: number, frames: Frame[]): RecordEnd {
    if (this.#linktype === undefined) {
      if (bytes.length - at < PCAP_FILE_HEADER_LENGTH) return 'incomplete'
      // The upper bits describe a frame check sequence.
      this.#linktype = this.#u32(bytes, at + 20) & 0xffff
      return at + PCAP_FILE_HEADER_LENGTH
    }
    const start = at + this.#recordHeaderLength
    if (bytes.length < start) return 'incomplete'
    const length = this.#u32(bytes, at + 8)
    if (length > MAX_RECORD_BYTES) return { corrupt: `a record claims ${length} bytes` }
    if (bytes.length < start + length) return 'incomplete'
    // Some tools write fractions of a second or more.
    const nanos = this.#u32(bytes, at + 4) * this.#nanosPerTick
    frames.push({
      number: ++this.#count,
      seconds: this.#u32(bytes, at) + Math.floor(nanos / 1e9),
      nanos: nanos % 1e9,
      linktype: this.#linktype,
      ticksPerSecond: 1e9 / this.#nanosPerTick,
      data: bytes.subarray(start, start + length),
    })
    return start + length
  }
}

/** Encodes captures of our own: pcap and pcapng as buffers, to be written one after the other. */
import {
  PCAP_FILE_HEADER_LENGTH,
  PCAP_MAGIC_MICROSECONDS,
  PCAP_MAGIC_NANOSECONDS,
  PCAP_RECORD_HEADER_LENGTH,
} from './pcap.ts'
import {
  BYTE_ORDER_MAGIC,
  ENHANCED_PACKET,
  INTERFACE_DESCRIPTION,
  OPTION_END,
  OPTION_IF_TSRESOL,
  SECTION_HEADER,
} from './pcapng.ts'

const MAX_FRAME_BYTES = 262_144
const NANOSECONDS = 9
const MICROSECONDS = 6

export interface CaptureEncoderOptions {
  format: 'pcap' | 'pcapng'
  /** See LINKTYPE. */
  linktype: number
  littleEndian?: boolean
  /** Resolution of the time stamps. With microseconds, the rest of the time is lost. */
  resolution?: 'microseconds' | 'nanoseconds'
}

export class CaptureEncoder {
  /** The beginning of the file. */
  readonly header: Buffer
  readonly #options: Required<CaptureEncoderOptions>

  constructor(options: CaptureEncoderOptions) {
    this.#options = { littleEndian: true, resolution: 'nanoseconds', ...options }
    this.header = options.format === 'pcap' ? this.#pcapHeader() : this.#pcapngHeader()
  }

  /**
   * Returns one frame, captured completely. `nanos`: nanoseconds beyond the seconds since 1970. `interfaceId`: only in
   * pcapng; 0 is the interface of the header.
   */
  frame(seconds: number, nanos: number, data: Buffer, interfaceId = 0): Buffer {
    const fraction = this.#options.resolution === 'nanoseconds' ? nanos : Math.floor(nanos / 1_000)
    if (this.#options.format === 'pcap') {
      const header = Buffer.alloc(PCAP_RECORD_HEADER_LENGTH)
      this.#u32(header, seconds, 0)
      this.#u32(header, fraction, 4)
      this.#u32(header, data.length, 8)
      this.#u32(header, data.length, 12)
      return Buffer.concat([header, data])
    }
    const ticksPerSecond = this.#options.resolution === 'nanoseconds' ? 1_000_000_000n : 1_000_000n
    const ticks = BigInt(seconds) * ticksPerSecond + BigInt(fraction)
    const fields = Buffer.alloc(20)
    this.#u32(fields, interfaceId, 0)
    this.#u32(fields, Number(ticks >> 32n), 4)
    this.#u32(fields, Number(ticks & 0xffffffffn), 8)
    this.#u32(fields, data.length, 12)
    this.#u32(fields, data.length, 16)
    return this.#block(ENHANCED_PACKET, Buffer.concat([fields, data, Buffer.alloc(-data.length & 3)]))
  }

  #pcapHeader(): Buffer {
    const header = Buffer.alloc(PCAP_FILE_HEADER_LENGTH)
    const nanoseconds = this.#options.resolution === 'nanoseconds'
    this.#u32(header, nanoseconds ? PCAP_MAGIC_NANOSECONDS : PCAP_MAGIC_MICROSECONDS, 0)
    this.#u16(header, 2, 4)
    this.#u16(header, 4, 6)
    this.#u32(header, MAX_FRAME_BYTES, 16)
    this.#u32(header, this.#options.linktype, 20)
    return header
  }

  #pcapngHeader(): Buffer {
    const section = Buffer.alloc(16, 0xff)
    this.#u32(section, BYTE_ORDER_MAGIC, 0)
    this.#u16(section, 1, 4)
    this.#u16(section, 0, 6)
    return Buffer.concat([this.#block(SECTION_HEADER, section), this.interface(this.#options.linktype)])
  }

  /** Returns a further interface of a pcapng file. Ids count from 0, in the order in which interfaces are written. */
  interface(linktype: number): Buffer {
    const description = Buffer.alloc(20)
    this.#u16(description, linktype, 0)
    this.#u32(description, MAX_FRAME_BYTES, 4)
    this.#u16(description, OPTION_IF_TSRESOL, 8)
    this.#u16(description, 1, 10)
    description[12] = this.#options.resolution === 'nanoseconds' ? NANOSECONDS : MICROSECONDS
    this.#u16(description, OPTION_END, 16)
    return this.#block(INTERFACE_DESCRIPTION, description)
  }

  #block(type: number, body: Buffer): Buffer {
    const block = Buffer.alloc(body.length + 12)
    this.#u32(block, type, 0)
    this.#u32(block, block.length, 4)
    body.copy(block, 8)
    this.#u32(block, block.length, block.length - 4)
    return block
  }

  #u16(bytes: Buffer, value: number, at: number): void {
    if (this.#options.littleEndian) bytes.writeUInt16LE(value, at)
    else bytes.writeUInt16BE(value, at)
  }

  #u32(bytes: Buffer, value: number, at: number): void {
    if (this.#options.littleEndian) bytes.writeUInt32LE(value, at)
    else bytes.writeUInt32BE(value, at)
  }
}

/** Protocols around SIP, for captures of our own: TCP connections, WebSocket, HEP, VXLAN. */
import { tcpFrames } from '../../packages/cli/src/capture/index.ts'

type Address = readonly [string, number]

/** Creates segments of one direction of a connection as frames. Sequence numbers increase automatically. */
export class TCPSide {
  readonly #src: Address
  readonly #dst: Address
  readonly #linktype: number
  sequence: number

  constructor(src: Address, dst: Address, { sequence = 1_000, linktype = 1 } = {}) {
    this.#src = src
    this.#dst = dst
    this.#linktype = linktype
    this.sequence = sequence
  }

  syn(): Buffer {
    return this.#frame(Buffer.alloc(0), { syn: true }, 1)
  }

  send(payload: string | Buffer): Buffer {
    const bytes = Buffer.from(payload as string)
    return this.#frame(bytes, {}, bytes.length)
  }

  /** Returns a segment with a given sequence number. */
  sendAt(sequence: number, payload: string | Buffer): Buffer {
    const bytes = Buffer.from(payload as string)
    return tcpFrames({ ...this.#ends(), sequence, payload: bytes }, { linktype: this.#linktype })[0]!
  }

  acknowledge(acknowledgement: number): Buffer {
    return this.#frame(Buffer.alloc(0), { acknowledgement }, 0)
  }

  fin(): Buffer {
    return this.#frame(Buffer.alloc(0), { fin: true }, 1)
  }

  /** Returns a RST with a given sequence number. */
  rst(sequence = this.sequence): Buffer {
    const [ETHERNET_LENGTH, IPV4_LENGTH, FLAGS_AT, RST] = [14, 20, 13, 4]
    const frame = this.sendAt(sequence, '')
    frame[ETHERNET_LENGTH + IPV4_LENGTH + FLAGS_AT] = RST
    return frame
  }

  #ends() {
    return { src: this.#src, dst: this.#dst }
  }

  #frame(
    payload: Buffer,
    flags: { syn?: true; fin?: true; acknowledgement?: number },
    length: number,
  ): Buffer {
    const { sequence } = this
    this.sequence = (sequence + length) >>> 0
    return tcpFrames({ ...this.#ends(), sequence, payload, ...flags }, { linktype: this.#linktype })[0]!
  }
}

/** Returns one frame of RFC 6455. By default it is text, final and unmasked. */
export function webSocketFrame(
  payload: string | Buffer,
  { opcode = 1, final = true, mask = undefined as number | undefined, rsv1 = false } = {},
): Buffer {
  const bytes = Buffer.from(payload as string)
  const masked = mask === undefined ? 0 : 0x80
  const first = (final ? 0x80 : 0) | (rsv1 ? 0x40 : 0) | opcode
  const long = Buffer.alloc(2)
  long.writeUInt16BE(bytes.length & 0xffff)
  const header = bytes.length < 126 ? [first, masked | bytes.length] : [first, masked | 126, ...long]
  if (mask === undefined) return Buffer.concat([Buffer.from(header), bytes])
  const key = Buffer.alloc(4)
  key.writeUInt32BE(mask)
  return Buffer.concat([Buffer.from(header), key, bytes.map((byte, at) => byte ^ key[at & 3]!)])
}

/** Returns a HEP3 packet of chunks: type and value. */
export function hepPacket(chunks: readonly (readonly [number, Buffer])[]): Buffer {
  const parts = chunks.map(([type, value]) => {
    const header = Buffer.alloc(6)
    header.writeUInt16BE(type, 2)
    header.writeUInt16BE(6 + value.length, 4)
    return Buffer.concat([header, value])
  })
  const body = Buffer.concat(parts)
  const header = Buffer.from('HEP3\0\0')
  header.writeUInt16BE(6 + body.length, 4)
  return Buffer.concat([header, body])
}

/** Returns an Ethernet frame with an IPv4 packet inside a PPPoE session (RFC 2516). */
export function pppoe(frame: Buffer): Buffer {
  const packet = frame.subarray(14)
  // EtherType, version and type, code, session 7, length, protocol IPv4.
  const header = Buffer.from([0x88, 0x64, 0x11, 0, 0, 7, 0, 0, 0x00, 0x21])
  header.writeUInt16BE(packet.length + 2, 6)
  return Buffer.concat([frame.subarray(0, 12), header, packet])
}

/** Returns the payload of a VXLAN datagram. */
export function vxlan(frame: Buffer): Buffer {
  return Buffer.concat([Buffer.from([8, 0, 0, 0, 0, 0, 42, 0]), frame])
}

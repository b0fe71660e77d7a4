/** `--out`: writes the edited messages to a pcapng file. */
import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import {
  type CapturedMessage,
  CaptureEncoder,
  type Frame,
  LINKTYPE,
  replaceUdpPayload,
  udpFrames,
} from '../capture/index.ts'
import type { ReplayConsumer } from '../replay/consumer.ts'
import type { ReplayedMessage } from '../replay/replayed-message.ts'
import { outputError } from './output-file.ts'

/** Largest payload of a UDP datagram over both IPv4 and IPv6, in bytes. */
const MAX_PAYLOAD = 65_535 - 20 - 8

/**
 * Writes edited messages. A message that was one UDP datagram stays in its frame: all headers before it are kept,
 * lengths and checksums are recalculated. Messages from fragments, streams, tunnels or HEP are written as one UDP
 * datagram between their addresses, on an interface of raw IP. The reason: segments of a stream cannot grow without
 * changing the sequence numbers of all that follow.
 */
export class CaptureWriter implements ReplayConsumer {
  /** Number of messages that were not written because they do not fit in a UDP datagram. */
  tooLong = 0
  readonly #path: string
  readonly #stream: WriteStream
  readonly #encoder = new CaptureEncoder({ format: 'pcapng', linktype: LINKTYPE.RAW })
  /** Interface by link type. */
  readonly #interfaces = new Map<number, number>([[LINKTYPE.RAW, 0]])
  #failure: Error | undefined

  constructor(path: string) {
    this.#path = path
    this.#stream = createWriteStream(path)
    this.#stream.on('error', (error) => {
      this.#failure ??= error
    })
    this.#stream.write(this.#encoder.header)
  }

  async write(messages: readonly ReplayedMessage[]): Promise<undefined> {
    const blocks = Buffer.concat(messages.flatMap((replayed) => this.#blocks(replayed)))
    if (!this.#failure && !this.#stream.write(blocks)) await once(this.#stream, 'drain').catch(() => {})
    this.#check()
  }

  async close(): Promise<void> {
    this.#stream.end()
    await finished(this.#stream).catch(() => {})
    this.#check()
  }

  #blocks({ captured, result }: ReplayedMessage): Buffer[] {
    const bytes = result?.edited ? result.message.toBuffer() : captured.bytes
    if (bytes.length > MAX_PAYLOAD) {
      this.tooLong++
      return []
    }
    const { frame, payload, networkOffset } = captured.origin!
    if (payload === null) return [this.#encoder.frame(...time(captured), rawFrame(captured, bytes))]
    const data = replaceUdpPayload(frame, networkOffset, payload, bytes)
    return [
      ...this.#newInterface(frame),
      this.#encoder.frame(frame.seconds, frame.nanos, data, this.#interfaces.get(frame.linktype)!),
    ]
  }

  #newInterface({ linktype }: Frame): Buffer[] {
    if (this.#interfaces.has(linktype)) return []
    this.#interfaces.set(linktype, this.#interfaces.size)
    return [this.#encoder.interface(linktype)]
  }

  #check(): void {
    if (this.#failure !== undefined) throw outputError(this.#path, this.#failure)
  }
}

function rawFrame({ src, dst }: CapturedMessage, payload: Buffer): Buffer {
  return udpFrames({ src, dst, payload }, { linktype: LINKTYPE.RAW })[0]!
}

function time({ time }: CapturedMessage): [seconds: number, nanos: number] {
  const [seconds, nanos] = time.split('.')
  return [Number(seconds), Number(nanos)]
}

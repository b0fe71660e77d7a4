/** All TCP connections of a capture, in bounded memory. Idle connections are dropped first. */
import type { ByteSink, TCPSegment } from './tcp.ts'
import { TCPStream } from './tcp.ts'

const MAX_CONNECTIONS = 20_000
/** Upper bound on bytes kept for all connections together, in addition to the bound of each. */
const MAX_HELD_BYTES = 64 * 1_024 * 1_024
/** In capture time. A connection that was idle for longer is read on from the next segment that begins a message. */
const MAX_IDLE_SECONDS = 3_600

interface Connection<A> {
  /** The stream from the end with the smaller address, and the stream to it. */
  streams: [TCPStream<A> | undefined, TCPStream<A> | undefined]
  held: number
  seconds: number
}

export interface TCPConnectionsOptions<A> {
  sink(src: string, srcPort: number, dst: string, dstPort: number): ByteSink<A>
  /** Returns a copy of a place in the capture that may be kept. */
  keep(at: A): A
}

export class TCPConnections<A> {
  readonly #options: TCPConnectionsOptions<A>
  /** Least recently used first. */
  readonly #connections = new Map<string, Connection<A>>()
  #held = 0

  constructor(options: TCPConnectionsOptions<A>) {
    this.#options = options
  }

  /** @param seconds capture time */
  read(
    src: string,
    srcPort: number,
    dst: string,
    dstPort: number,
    segment: TCPSegment,
    at: A,
    seconds: number,
  ): void {
    const [from, to] = [`${src} ${srcPort}`, `${dst} ${dstPort}`]
    const side = from < to ? 0 : 1
    const key = side === 0 ? `${from} ${to}` : `${to} ${from}`
    let connection = this.#connections.get(key)
    if (connection === undefined) {
      connection = { streams: [undefined, undefined], held: 0, seconds }
    } else this.#connections.delete(key)
    this.#connections.set(key, connection)
    connection.seconds = seconds
    const { keep, sink } = this.#options
    connection.streams[side] ??= new TCPStream(sink(src, srcPort, dst, dstPort), keep)
    connection.streams[side].read(segment, at, seconds)
    const { acknowledgement } = segment
    if (acknowledgement !== undefined) connection.streams[1 - side]?.acknowledged(acknowledgement, seconds)
    const held = (connection.streams[0]?.held ?? 0) + (connection.streams[1]?.held ?? 0)
    this.#held += held - connection.held
    connection.held = held
    this.#evict(seconds)
  }

  /** Delivers everything that can be delivered of all connections, and forgets them. */
  end(): void {
    for (const [key, connection] of this.#connections) this.#forget(key, connection)
  }

  #evict(now: number): void {
    for (const [key, connection] of this.#connections) {
      const fits = this.#connections.size <= MAX_CONNECTIONS && this.#held <= MAX_HELD_BYTES
      if (fits && now - connection.seconds <= MAX_IDLE_SECONDS) return
      this.#forget(key, connection)
    }
  }

  #forget(key: string, connection: Connection<A>): void {
    this.#connections.delete(key)
    this.#held -= connection.held
    for (const stream of connection.streams) {
      stream?.flush()
      stream?.sink.end()
    }
  }
}

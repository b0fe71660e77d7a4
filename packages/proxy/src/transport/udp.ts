/** UDP (RFC 3261 section 18): one message per datagram. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIP } from 'node:net'
import type { Address } from '@siplet/engine'
import { frameOf, type HeadLimits, toText } from '@siplet/sipmsg'
import { cannotListen, ProxyError } from '../errors.ts'
import type { Guard } from '../guard.ts'
import type { ListenAddress } from './listen.ts'
import { isSTUN, stunAnswer } from './stun.ts'
import { dropReason, type Flow, plainIP, type Receiver, type Target, type Transport } from './transport.ts'

/**
 * Size of the socket's receive buffer. Bursts arrive faster than the event loop turns, and the system's default of 208
 * KiB loses them.
 */
const SOCKET_BUFFER_BYTES = 4 * 1_024 * 1_024

/** @throws ProxyError ERR_SIPLET_PROXY_LISTEN */
export async function openUDP(
  listen: ListenAddress,
  limits: HeadLimits,
  receiver: Receiver,
  guard: Guard,
): Promise<Transport> {
  const family = isIP(listen.ip) === 6 ? 6 : 4
  const socket = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    ipv6Only: family === 6,
    recvBufferSize: SOCKET_BUFFER_BYTES,
    sendBufferSize: SOCKET_BUFFER_BYTES,
    // Messages are sent to addresses only. Without this function, Node would call the system's resolver on a thread.
    lookup: (address, _options, found) => found(null, address, family),
  })
  // Register before bind(): with this synchronous lookup, bind() may emit the event before it returns.
  const listening = once(socket, 'listening')
  socket.bind(listen.port, listen.ip)
  try {
    await listening
  } catch (error) {
    socket.close()
    throw cannotListen(listen.text, error as Error)
  }
  return new UDP(socket, listen, family, limits, receiver, guard)
}

class UDP implements Transport {
  readonly name = 'udp'
  readonly connections = 0
  readonly handshakes = 0
  readonly local: Address
  readonly sentBy: string
  readonly family: 4 | 6
  readonly #socket: Socket
  readonly #limits: HeadLimits
  readonly guard: Guard

  constructor(
    socket: Socket,
    listen: ListenAddress,
    family: 4 | 6,
    limits: HeadLimits,
    receiver: Receiver,
    guard: Guard,
  ) {
    this.#socket = socket
    this.#limits = limits
    this.guard = guard
    this.family = family
    this.local = [listen.ip, socket.address().port]
    this.sentBy = listen.sentBy(this.local[1])
    socket.on('message', (bytes, from) =>
      guard.run('datagram', null, () => this.#received(bytes, from, receiver)),
    )
    // An ICMP error for an earlier datagram. Its sender has a timer.
    socket.on('error', () => guard.run('udp-error', null, () => {}))
  }

  openFlow(): undefined {}

  flowTo(target: Target): Flow {
    return new UDPFlow(this.#socket, this, [target.ip, target.port])
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()))
  }

  #received(bytes: Uint8Array, { address, port }: RemoteInfo, receiver: Receiver): void {
    const remote: Address = [plainIP(address), port]
    if (isSTUN(bytes)) {
      const answer = stunAnswer(bytes, ...remote)
      if (answer === null) receiver.dropped('stun', remote)
      else new UDPFlow(this.#socket, this, remote).send(toText(answer), () => {})
      return
    }
    const frame = frameOf(bytes, this.#limits)
    if (frame.type === 'message') receiver.message(frame.message, new UDPFlow(this.#socket, this, remote))
    else if (frame.type === 'error') receiver.dropped(dropReason(frame.error), remote)
  }
}

/** Longer text is cut at this length, and the system then refuses to send it. */
const LARGEST = 65_535
const BUFFERS = 16
/**
 * Buffers for sending, used again and again. A new small buffer would be a slice of a larger one, and a transaction
 * that keeps one slice for half a minute would keep all of it.
 */
const buffers = Array.from({ length: BUFFERS }, () => Buffer.allocUnsafeSlow(LARGEST))

class UDPFlow implements Flow {
  readonly transport = 'udp'
  readonly open = true
  readonly remote: Address
  readonly #socket: Socket
  readonly #from: UDP

  constructor(socket: Socket, from: UDP, remote: Address) {
    this.#socket = socket
    this.#from = from
    this.remote = remote
  }

  get local(): Address {
    return this.#from.local
  }

  get sentBy(): string {
    return this.#from.sentBy
  }

  send(text: string, failed: (error: ProxyError) => void): void {
    const [ip, port] = this.remote
    const buffer = buffers.pop()
    const bytes = buffer ?? Buffer.from(text, 'latin1')
    const length = buffer === undefined ? bytes.length : buffer.write(text, 'latin1')
    const done = (error?: Error | null) => {
      if (buffer !== undefined) buffers.push(buffer)
      this.#from.guard.run('datagram-sent', null, () => {
        if (!error) return
        failed(new ProxyError('ERR_SIPLET_PROXY_SEND', `udp to ${ip} port ${port}: ${error.message}`))
      })
    }
    try {
      this.#socket.send(bytes, 0, length, port, ip, done)
    } catch (error) {
      // The socket is closed, or the port is 0.
      done(error as Error)
    }
  }
}

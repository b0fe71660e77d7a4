/** Counts connections of peers from the first moment to the last, and limits the time for their handshakes. */
import type { Socket } from 'node:net'
import type { Address } from '@siplet/engine'
import type { Owner } from '../guard.ts'
import { type ConnectionPool, flowKey } from './connection-pool.ts'
import { plainIP } from './transport.ts'

export class Admission {
  readonly #pool: ConnectionPool
  /** For each handshake, by the address of the peer, the function that stops its timer. */
  readonly #handshakes = new Map<string, () => void>()

  constructor(pool: ConnectionPool) {
    this.#pool = pool
  }

  /** Number of handshakes that are not finished. */
  get handshakes(): number {
    return this.#handshakes.size
  }

  /**
   * Accepts a new connection, or destroys it. Returns whether it was accepted.
   *
   * @param handshake whether TLS or WebSocket handshakes come first. Then the connection is destroyed if
   * {@link finished}
   *   is not called within connectTimeoutMs.
   */
  admit(socket: Socket, handshake: boolean): boolean {
    const { count, receiver, guard, clock, limits } = this.#pool
    const owner = socketOwner(socket)
    socket.on('error', () => guard.run('stream-error', owner, () => socket.destroy()))
    const { remoteAddress, remotePort } = socket
    // The peer is already gone.
    if (remoteAddress === undefined || remotePort === undefined) {
      socket.destroy()
      return false
    }
    const remote: Address = [plainIP(remoteAddress), remotePort]
    const release = count.accept(remote[0])
    if (release === undefined) {
      receiver.dropped('too-many-connections', remote)
      socket.destroy()
      return false
    }
    const key = flowKey(...remote)
    const timeout = () => {
      receiver.dropped('handshake', remote)
      socket.destroy()
    }
    const stop = handshake
      ? clock.after(limits.connectTimeoutMs, () => guard.run('handshake-timer', owner, timeout))
      : () => {}
    if (handshake) this.#handshakes.set(key, stop)
    const closed = () => {
      stop()
      if (this.#handshakes.get(key) === stop) this.#handshakes.delete(key)
      release()
    }
    socket.once('close', () => guard.run('connection-closed', { callId: null, abandon: closed }, closed))
    return true
  }

  /** Stops the timer of a connection whose handshake is finished. */
  finished(remote: Address): void {
    const key = flowKey(...remote)
    this.#handshakes.get(key)?.()
    this.#handshakes.delete(key)
  }
}

/** Returns an owner for a socket that nothing else owns yet. */
export function socketOwner(socket: { destroy(): unknown }): Owner {
  return { callId: null, abandon: () => void socket.destroy() }
}

/** Returns the address of the peer of a socket. */
export function remoteOf(socket: {
  remoteAddress?: string | undefined
  remotePort?: number | undefined
}): Address {
  return [plainIP(socket.remoteAddress ?? ''), socket.remotePort ?? 0]
}

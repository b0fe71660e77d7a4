/** All sockets of one proxy. Knows which socket reaches a target, and whether a host and port are ours. */
import { isIP } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import { plainHost } from '@siplet/sipmsg'
import type { Clock } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import { type Guard, SILENT_GUARD } from '../guard.ts'
import { ConnectionCount, type ConnectionLimits, headLimits } from './limits.ts'
import type { ListenAddress } from './listen.ts'
import { openStream } from './stream.ts'
import {
  type Flow,
  hostPort,
  type Receiver,
  type Target,
  type Transport,
  type TransportName,
} from './transport.ts'
import { openUDP } from './udp.ts'
import { openWebSocket } from './websocket.ts'

export interface TransportsOptions {
  listen: readonly ListenAddress[]
  limits: ConnectionLimits
  clock: Clock
  tls?: SecureContextOptions | undefined
  guard?: Guard
  /** For tests: opens a transport in place of a socket. */
  open?: ((address: ListenAddress, receiver: Receiver) => Promise<Transport>) | undefined
}

export class Transports {
  readonly all: readonly Transport[]
  readonly #count: ConnectionCount
  /** Host and port of each socket. Hosts are written as by {@link plainHost}. */
  readonly #ours: readonly (readonly [host: string, port: number])[]

  /**
   * Opens all sockets, or none if one fails.
   *
   * @throws ProxyError ERR_SIPLET_PROXY_LISTEN
   */
  static async open(
    { listen, guard = SILENT_GUARD, ...shared }: TransportsOptions,
    receiver: Receiver,
  ): Promise<Transports> {
    const count = new ConnectionCount(shared.limits)
    const pool = { ...shared, count, receiver, guard }
    const opened = await Promise.allSettled(
      listen.map((address) => {
        if (pool.open !== undefined) return pool.open(address, receiver)
        if (address.transport === 'udp') return openUDP(address, headLimits(shared.limits), receiver, guard)
        const open = address.transport === 'ws' || address.transport === 'wss' ? openWebSocket : openStream
        return open(address, pool, shared.tls)
      }),
    )
    const all = opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    const failure = opened.find((result) => result.status === 'rejected')
    if (failure === undefined) return new Transports(all, count)
    await Promise.all(all.map((transport) => transport.close()))
    throw failure.reason
  }

  private constructor(all: readonly Transport[], count: ConnectionCount) {
    this.all = all
    this.#count = count
    this.#ours = all
      .flatMap(({ sentBy, local }) => [sentBy, hostPort(...local)])
      .map((text) => {
        const colon = text.lastIndexOf(':')
        return [plainHost(text.slice(0, colon)), Number(text.slice(colon + 1))]
      })
  }

  /** Number of connections over all transports. */
  get connections(): number {
    return this.#count.total
  }

  /** Number of accepted connections whose handshake is not finished. */
  get handshakes(): number {
    return this.all.reduce((sum, { handshakes }) => sum + handshakes, 0)
  }

  /**
   * Returns whether host (IPv6 with or without brackets) and port are those of a socket, or those that a socket
   * advertises. A null port matches any port.
   */
  isOurs(host: string, port: number | null): boolean {
    // Computed only if needed: most hosts are IPv4 addresses, which are already in the plain form.
    let plain: string | undefined
    for (const [ours, at] of this.#ours) {
      if (port !== null && at !== port) continue
      if (ours === host) return true
      plain ??= plainHost(host)
      if (ours === plain) return true
    }
    return false
  }

  /** Returns whether a socket can send over this transport to this address family. */
  supports(transport: TransportName, family: number): boolean {
    return this.all.some((one) => one.name === transport && one.family === family)
  }

  /** Returns the open connection to a target; undefined if there is none, and for UDP. */
  openFlow(target: Target): Flow | undefined {
    for (const one of this.all) {
      const flow = one.name === target.transport ? one.openFlow(target) : undefined
      if (flow !== undefined) return flow
    }
    return undefined
  }

  /** @throws ProxyError ERR_SIPLET_PROXY_NO_TRANSPORT */
  flowTo(target: Target): Flow {
    const family = isIP(target.ip)
    const transport = this.all.find((one) => one.name === target.transport && one.family === family)
    if (transport !== undefined) return transport.flowTo(target)
    throw new ProxyError(
      'ERR_SIPLET_PROXY_NO_TRANSPORT',
      `${target.transport} to ${target.ip}: none of the sockets is ${target.transport} over IPv${family}`,
    )
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((transport) => transport.close()))
  }
}

/** All sockets of one proxy: which of them leads to a target, and whether a host and port are ours. */
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
  /** Opens what is listened on in place of sockets: for tests. */
  open?: ((address: ListenAddress, receiver: Receiver) => Promise<Transport>) | undefined
}

export class Transports {
  readonly all: readonly Transport[]
  readonly #count: ConnectionCount
  /** Host and port of each, as {@link plainHost} writes hosts. */
  readonly #ours: readonly (readonly [host: string, port: number])[]

  /**
   * Opens every socket, or none.
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

  /** Connections over all transports. */
  get connections(): number {
    return this.#count.total
  }

  /** Connections of peers whose handshake is not finished. */
  get handshakes(): number {
    return this.all.reduce((sum, { handshakes }) => sum + handshakes, 0)
  }

  /** Whether host (IPv6 in brackets or without) and port are those of a socket, or what it advertises; null is any port. */
  isOurs(host: string, port: number | null): boolean {
    // Mostly written as plainHost writes it: an IPv4 address.
    let plain: string | undefined
    for (const [ours, at] of this.#ours) {
      if (port !== null && at !== port) continue
      if (ours === host) return true
      plain ??= plainHost(host)
      if (ours === plain) return true
    }
    return false
  }

  /** Whether a message can be sent that way. */
  supports(transport: TransportName, family: number): boolean {
    return this.all.some((one) => one.name === transport && one.family === family)
  }

  /** The connection to a target that is open; undefined where there is none, and for UDP. */
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

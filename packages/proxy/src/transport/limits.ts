import type { HeadLimits } from '@siplet/sipmsg'

/** Limits on connections, over all stream transports of one proxy together. */
export interface ConnectionLimits {
  maxConnections: number
  maxConnectionsPerIp: number
  /** From the first byte of a message to its last. Milliseconds. */
  messageTimeoutMs: number
  /** Without a byte in either direction. Milliseconds. */
  idleTimeoutMs: number
  /** For connecting, including TLS and WebSocket handshakes. Milliseconds. */
  connectTimeoutMs: number
  /** Head of a request, over any transport. Bytes. */
  maxHeadBytes: number
  maxBodyBytes: number
  /** Bytes that wait for a peer that does not read. */
  maxSendBufferBytes: number
}

/**
 * Returns the largest heads that are accepted. A reply repeats most headers of its request. If both had the same limit,
 * the reply to a request just below the limit would exceed it, and would end a connection that other callers share.
 */
export function headLimits({ maxHeadBytes }: Pick<ConnectionLimits, 'maxHeadBytes'>): HeadLimits {
  return { maxHeadBytes, maxReplyHeadBytes: 2 * maxHeadBytes }
}

/**
 * Part of all connections that is reserved for connections that the proxy opens, so that peers cannot use up all of
 * them.
 */
const RESERVED = 1 / 8

/** Counts connections by the address of the peer. */
export class ConnectionCount {
  readonly #limits: ConnectionLimits
  readonly #byIp = new Map<string, number>()
  #total = 0

  constructor(limits: ConnectionLimits) {
    this.#limits = limits
  }

  get total(): number {
    return this.#total
  }

  /**
   * Counts a connection that a peer opened. Returns a function that removes it from the count; only its first call has
   * an effect. Returns undefined, and counts nothing, if there are too many connections.
   */
  accept(ip: string): (() => void) | undefined {
    const { maxConnections, maxConnectionsPerIp } = this.#limits
    const reserved = Math.floor(maxConnections * RESERVED)
    const tooMany =
      this.#total >= maxConnections - reserved || (this.#byIp.get(ip) ?? 0) >= maxConnectionsPerIp
    return tooMany ? undefined : this.add(ip)
  }

  /** Counts a connection that the proxy opens. Like {@link accept}, without the limit per address. */
  add(ip: string): (() => void) | undefined {
    if (this.#total >= this.#limits.maxConnections) return undefined
    this.#byIp.set(ip, (this.#byIp.get(ip) ?? 0) + 1)
    this.#total++
    let counted = true
    return () => {
      if (counted) this.#remove(ip)
      counted = false
    }
  }

  #remove(ip: string): void {
    const left = (this.#byIp.get(ip) ?? 1) - 1
    if (left > 0) this.#byIp.set(ip, left)
    else this.#byIp.delete(ip)
    this.#total--
  }
}

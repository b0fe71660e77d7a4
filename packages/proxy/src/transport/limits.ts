import type { HeadLimits } from '@siplet/sipmsg'

/** What one proxy lets its peers have of its connections, over all stream transports together. */
export interface ConnectionLimits {
  maxConnections: number
  maxConnectionsPerIp: number
  /** From the first byte of a message to its last: milliseconds. */
  messageTimeoutMs: number
  /** Without a byte in either direction: milliseconds. */
  idleTimeoutMs: number
  /** To connect, TLS and WebSocket handshakes included: milliseconds. */
  connectTimeoutMs: number
  /** Head of a request, over any transport. */
  maxHeadBytes: number
  maxBodyBytes: number
  /** Bytes that wait for a peer that does not read. */
  maxSendBufferBytes: number
}

/**
 * Largest heads that are accepted. A reply repeats most headers of its request. If replies had the same limit, a request
 * just below it would get a reply above it, and that reply would end a connection that other callers share.
 */
export function headLimits({ maxHeadBytes }: Pick<ConnectionLimits, 'maxHeadBytes'>): HeadLimits {
  return { maxHeadBytes, maxReplyHeadBytes: 2 * maxHeadBytes }
}

/** Part of all connections that is only for those that this side makes: peers must not be able to cut it off. */
const RESERVED = 1 / 8

/** Counts connections by peer. */
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
   * Counts one more connection that a peer made. Returns what takes it off again, once however often it is called;
   * undefined if there are too many, and nothing is counted then.
   */
  accept(ip: string): (() => void) | undefined {
    const { maxConnections, maxConnectionsPerIp } = this.#limits
    const reserved = Math.floor(maxConnections * RESERVED)
    const tooMany =
      this.#total >= maxConnections - reserved || (this.#byIp.get(ip) ?? 0) >= maxConnectionsPerIp
    return tooMany ? undefined : this.add(ip)
  }

  /** Counts a connection that this side makes; as {@link accept}, but for the limit by address. */
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

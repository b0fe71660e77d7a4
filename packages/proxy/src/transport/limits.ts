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
  maxHeadBytes: number
  maxBodyBytes: number
  /** Bytes that wait for a peer that does not read. */
  maxSendBufferBytes: number
}

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

  /** Whether one more connection from there is taken; it is counted then. */
  accept(ip: string): boolean {
    const fromThere = this.#byIp.get(ip) ?? 0
    const { maxConnections, maxConnectionsPerIp } = this.#limits
    if (this.#total >= maxConnections || fromThere >= maxConnectionsPerIp) return false
    this.add(ip)
    return true
  }

  /** Counts a connection that this side made. */
  add(ip: string): void {
    this.#byIp.set(ip, (this.#byIp.get(ip) ?? 0) + 1)
    this.#total++
  }

  remove(ip: string): void {
    const left = (this.#byIp.get(ip) ?? 1) - 1
    if (left > 0) this.#byIp.set(ip, left)
    else this.#byIp.delete(ip)
    this.#total--
  }
}

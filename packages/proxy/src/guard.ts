/**
 * The only way from the event loop into the proxy. Everything that runs because of a socket, a timer, DNS, the script
 * or an HTTP client runs through a guard. If it throws, the exception is logged, its owner releases what it holds, and
 * the process continues.
 */

/** Every asynchronous boundary of the proxy, by name. */
export const BOUNDARIES = [
  // UDP
  'datagram',
  'datagram-sent',
  'udp-error',
  // TCP and TLS
  'connection',
  'handshake-done',
  'handshake-failed',
  'handshake-timer',
  'connection-closed',
  'stream-data',
  'stream-error',
  'stream-closed',
  'stream-written',
  'send-failed',
  'connected',
  'connect-timer',
  'server-error',
  // WebSocket
  'upgrade',
  'upgrade-refused',
  'websocket',
  'websocket-data',
  'websocket-error',
  'websocket-closed',
  // All kinds of connections
  'message-timer',
  'idle-timer',
  // Transactions and the core
  'request',
  'reply',
  'cancel',
  'transaction-timer',
  'client-transaction',
  'client-reply',
  'client-timeout',
  'client-failure',
  'branch-start',
  'branch-timer',
  'dns-answered',
  'dns-failed',
  'forward-dns-answered',
  'forward-dns-failed',
  // The script
  'request-route',
  'branch-route',
  'reply-route',
  'failure-route',
  // HTTP
  'http-request',
] as const

export type Boundary = (typeof BOUNDARIES)[number]

/** The object that the work at a boundary is for: a request, a branch, a transaction or a connection. */
export interface Owner {
  /** Call-ID for the log. Null if there is none. */
  readonly callId: string | null
  /** Releases everything after a fault, and answers a waiting request with 500. */
  abandon(error: Error): void
}

/**
 * Injects faults in tests. It may throw at any boundary.
 *
 * @param phase whether it is called before or after the work at the boundary
 */
export type FaultInjector = (at: Boundary, phase: 'before' | 'after') => void

/** Called for every fault. */
export type FaultReport = (error: Error, at: Boundary, callId: string | null) => void

export class Guard {
  readonly #report: FaultReport
  readonly #inject: FaultInjector | undefined

  constructor(report: FaultReport, inject?: FaultInjector) {
    this.#report = report
    this.#inject = inject
  }

  /** Runs the work of a boundary. Never throws: a fault is reported, and the owner is abandoned. */
  run(at: Boundary, owner: Owner | null, act: () => void): void {
    try {
      if (this.#inject === undefined) act()
      else this.#injected(this.#inject, at, act)
    } catch (error) {
      this.fail(at, owner, error)
    }
  }

  /** Handles a fault that happened elsewhere, such as a rejected promise. Never throws. */
  fail(at: Boundary, owner: Owner | null, error: unknown): void {
    const fault = error instanceof Error ? error : new Error(String(error))
    this.#tell(fault, at, owner)
    try {
      owner?.abandon(fault)
    } catch (second) {
      this.#tell(second instanceof Error ? second : new Error(String(second)), at, owner)
    }
  }

  #injected(inject: FaultInjector, at: Boundary, act: () => void): void {
    inject(at, 'before')
    act()
    inject(at, 'after')
  }

  #tell(error: Error, at: Boundary, owner: Owner | null): void {
    try {
      this.#report(error, at, owner?.callId ?? null)
    } catch {
      // The logger itself threw. That must not end the process either, and nothing is left to report to.
    }
  }
}

/** A guard for parts that run outside a proxy. Faults are handled but not reported. */
export const SILENT_GUARD = new Guard(() => {})

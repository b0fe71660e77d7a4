/**
 * The one way into the proxy from the event loop. Whatever runs later, because a socket, a timer, DNS, the script or
 * an HTTP client said something, runs through a guard: an exception there is logged, its owner lets go of what it
 * holds, and the process goes on.
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
  // Connections of any kind
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

/** Whatever work at a boundary is for: a request, a branch, a transaction, a connection. */
export interface Owner {
  /** Call-ID of what is worked on; null where there is none. */
  readonly callId: string | null
  /** Lets go of everything after a fault, and answers with 500 what waits for an answer. */
  abandon(error: Error): void
}

/**
 * Injects faults, for tests: it may throw at any boundary.
 *
 * @param phase `before` the work is done, or `after` it
 */
export type FaultInjector = (at: Boundary, phase: 'before' | 'after') => void

/** Told of every fault. */
export type FaultReport = (error: Error, at: Boundary, callId: string | null) => void

export class Guard {
  readonly #report: FaultReport
  readonly #inject: FaultInjector | undefined

  constructor(report: FaultReport, inject?: FaultInjector) {
    this.#report = report
    this.#inject = inject
  }

  /** Does the work of a boundary. Never throws: a fault is reported, and its owner abandoned. */
  run(at: Boundary, owner: Owner | null, act: () => void): void {
    try {
      if (this.#inject === undefined) act()
      else this.#injected(this.#inject, at, act)
    } catch (error) {
      this.fail(at, owner, error)
    }
  }

  /** Handles a fault that happened elsewhere, such as the rejection of a promise. Never throws. */
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
      // A logger that throws must not end the process either. Nothing is left to tell.
    }
  }
}

/** For parts that run without a proxy around them: faults are handled and not told. */
export const SILENT_GUARD = new Guard(() => {})

/** Targets that answered 503 with Retry-After. They get no request for that time (RFC 3261 section 21.5.4). */
import type { SIPMessage } from '@siplet/sipmsg'
import type { Clock } from '../clock.ts'
import type { TransportName } from '../transport/transport.ts'

/** Upper bound on remembered targets. Beyond it, the oldest is forgotten. */
const MAX_TARGETS = 1_000

interface Peer {
  readonly transport: TransportName
  readonly ip: string
  readonly port: number
}

export class RestingTargets {
  readonly #clock: Clock
  readonly #maxMs: number
  /** For each target, the function that stops its timer. */
  readonly #resting = new Map<string, () => void>()

  /**
   * @param maxMs upper bound on the time, whatever a target says. A target that forwards the 503 of a phone must not be
   * excluded for days.
   */
  constructor(clock: Clock, maxMs: number) {
    this.#clock = clock
    this.#maxMs = maxMs
  }

  /** Number of targets that are excluded at the moment. */
  get size(): number {
    return this.#resting.size
  }

  /** Records a 503. Does nothing without a Retry-After. */
  refused(peer: Peer, reply: SIPMessage): void {
    const seconds = Number(/^\s*(\d+)/.exec(reply.getHeader('Retry-After') ?? '')?.[1] ?? 0)
    const ms = Math.min(seconds * 1_000, this.#maxMs)
    if (ms === 0) return
    const key = keyOf(peer)
    this.#resting.get(key)?.()
    this.#resting.delete(key)
    if (this.#resting.size >= MAX_TARGETS) this.#forgetOldest()
    this.#resting.set(
      key,
      this.#clock.after(ms, () => this.#resting.delete(key)),
    )
  }

  has(peer: Peer): boolean {
    return this.#resting.size > 0 && this.#resting.has(keyOf(peer))
  }

  close(): void {
    for (const stop of this.#resting.values()) stop()
    this.#resting.clear()
  }

  #forgetOldest(): void {
    const [oldest] = this.#resting
    oldest![1]()
    this.#resting.delete(oldest![0])
  }
}

function keyOf({ transport, ip, port }: Peer): string {
  return `${transport} ${ip} ${port}`
}

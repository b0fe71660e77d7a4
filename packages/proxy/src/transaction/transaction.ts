/** What the four transactions of RFC 3261 section 17 have in common. */
import type { Clock } from '../clock.ts'
import type { ProxyError } from '../errors.ts'
import type { TimerValues } from './timers.ts'

/** What a transaction lives on. */
export interface Surroundings {
  readonly clock: Clock
  readonly timers: TimerValues
  /** Called once, in the terminated state. */
  terminated(): void
  /** A message went out, or came in, again. */
  retransmitted(): void
}

/** Named timers of one transaction; one that is started again is stopped first. */
export class Timers {
  readonly #clock: Clock
  readonly #running = new Map<string, () => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  start(name: string, ms: number, act: () => void): void {
    this.stop(name)
    this.#running.set(
      name,
      this.#clock.after(ms, () => {
        this.#running.delete(name)
        act()
      }),
    )
  }

  has(name: string): boolean {
    return this.#running.has(name)
  }

  stop(name: string): void {
    this.#running.get(name)?.()
    this.#running.delete(name)
  }

  stopAll(): void {
    for (const stop of this.#running.values()) stop()
    this.#running.clear()
  }
}

/** Sends bytes to the peer of a transaction; `failed` where it is known that they do not arrive. */
export type Send = (bytes: Uint8Array, failed: (error: ProxyError) => void) => void

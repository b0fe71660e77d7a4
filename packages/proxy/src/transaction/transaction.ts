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

interface RunningTimer {
  readonly name: string
  readonly stop: () => void
}

/** Named timers of one transaction; one that is started again is stopped first. */
export class Timers {
  readonly #clock: Clock
  /** One or two: a list is smaller than a table, and there is one for each transaction of the last half minute. */
  #running: RunningTimer[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  start(name: string, ms: number, act: () => void): void {
    this.stop(name)
    const stop = this.#clock.after(ms, () => {
      this.#forget(name)
      act()
    })
    this.#running.push({ name, stop })
  }

  has(name: string): boolean {
    return this.#running.some((timer) => timer.name === name)
  }

  stop(name: string): void {
    this.#forget(name)?.stop()
  }

  stopAll(): void {
    for (const { stop } of this.#running) stop()
    this.#running = []
  }

  #forget(name: string): RunningTimer | undefined {
    const running = this.#running
    for (let at = 0; at < running.length; at++) {
      const timer = running[at]!
      if (timer.name !== name) continue
      running[at] = running[running.length - 1]!
      running.pop()
      return timer
    }
    return undefined
  }
}

/** Sends bytes to the peer of a transaction; `failed` where it is known that they do not arrive. */
export type Send = (bytes: Uint8Array, failed: (error: ProxyError) => void) => void

/** A clock that stands still until it is told to go on. */
import type { Clock } from '@siplet/proxy'

export class ManualClock implements Clock {
  now = 0
  #timers: { at: number; act: () => void }[] = []

  after(ms: number, act: () => void): () => void {
    const timer = { at: this.now + ms, act }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** Timers that run. */
  get running(): number {
    return this.#timers.length
  }

  /** Lets `ms` milliseconds pass: every timer that comes due acts at its own time, in order. */
  advance(ms: number): void {
    const end = this.now + ms
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.#timers = this.#timers.filter((timer) => timer !== due)
      this.now = due.at
      due.act()
    }
    this.now = end
  }
}

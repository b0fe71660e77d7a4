/** Time as transactions and connections see it. Tests bring their own clock. */
export interface Clock {
  /**
   * Runs `act` once after `ms` milliseconds. Returns a function that stops the timer. Calling it after the timer has
   * fired is harmless.
   */
  after(ms: number, act: () => void): () => void
}

/**
 * The clock of the system. A proxy has thousands of timers of a few lengths, and most are stopped before they fire. So
 * all timers of one length share a queue with a single Node timer. They fire late by at most a hundredth of their
 * length, never early, and do not keep the process alive.
 */
export const systemClock: Clock = {
  after(ms, act) {
    let queue = queues.get(ms)
    if (queue === undefined) {
      queue = new TimerQueue(ms)
      queues.set(ms, queue)
    }
    return queue.add(act)
  },
}

const queues = new Map<number, TimerQueue>()

interface Timer {
  /** In the time of performance.now(). */
  readonly due: number
  /** Undefined if the timer was stopped. */
  act: (() => void) | undefined
}

class TimerQueue {
  readonly #ms: number
  /** From index `next` on, in the order in which they are due. */
  #timers: Timer[] = []
  #next = 0
  #armed = false

  constructor(ms: number) {
    this.#ms = ms
  }

  add(act: () => void): () => void {
    const timer: Timer = { due: performance.now() + this.#ms, act }
    this.#timers.push(timer)
    if (!this.#armed) this.#arm(this.#ms)
    return () => {
      timer.act = undefined
    }
  }

  #arm(ms: number): void {
    this.#armed = true
    setTimeout(() => this.#run(), Math.max(ms, this.#ms / 100)).unref()
  }

  #run(): void {
    const timers = this.#timers
    const now = performance.now()
    try {
      for (; this.#next < timers.length; this.#next++) {
        const timer = timers[this.#next]!
        if (timer.act !== undefined) {
          if (timer.due > now) break
          const { act } = timer
          timer.act = undefined
          act()
        }
      }
    } finally {
      const first = timers[this.#next]
      if (this.#next > timers.length / 2) {
        this.#timers = timers.slice(this.#next)
        this.#next = 0
      }
      if (first === undefined) {
        this.#armed = false
        queues.delete(this.#ms)
      } else this.#arm(first.due - performance.now())
    }
  }
}

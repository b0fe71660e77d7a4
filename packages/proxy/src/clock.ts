/** Time, as transactions and connections see it; tests bring a clock of their own. */
export interface Clock {
  /** Runs `act` once after `ms` milliseconds. Returns what stops it; stopping it later is harmless. */
  after(ms: number, act: () => void): () => void
}

/**
 * The system's time. Timers of a proxy have few lengths, there are thousands of each, and most are stopped: those of one
 * length are a queue with one timer of Node's. They fire late by a hundredth of their length at most, never early, and
 * do not keep the process alive.
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
  /** Of performance.now(). */
  readonly due: number
  /** Undefined when it was stopped. */
  act: (() => void) | undefined
}

class TimerQueue {
  readonly #ms: number
  /** In the order in which they are due, from `next` on. */
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

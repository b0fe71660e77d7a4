/** A clock that stands still until a test advances it. */
import type { Clock } from '@siplet/proxy'

interface Timer {
  readonly at: number
  /** If two timers are due at the same time, the one that was started earlier acts first. */
  readonly order: number
  readonly act: () => void
  stopped: boolean
}

export class ManualClock implements Clock {
  now = 0
  /** A binary heap with the next timer first. Stopped timers stay in it until they are due. */
  readonly #heap: Timer[] = []
  #started = 0
  #running = 0

  after(ms: number, act: () => void): () => void {
    const timer = { at: this.now + ms, order: this.#started++, act, stopped: false }
    this.#running++
    this.#push(timer)
    return () => {
      if (!timer.stopped) this.#running--
      timer.stopped = true
    }
  }

  /** Number of running timers. */
  get running(): number {
    return this.#running
  }

  /** Lets `ms` milliseconds pass. Every timer that comes due acts at its own time, in order. */
  advance(ms: number): void {
    const end = this.now + ms
    for (let next = this.#heap[0]; next !== undefined && next.at <= end; next = this.#heap[0]) {
      this.#pop()
      if (next.stopped) continue
      next.stopped = true
      this.#running--
      this.now = next.at
      next.act()
    }
    this.now = end
  }

  #push(timer: Timer): void {
    const heap = this.#heap
    let at = heap.push(timer) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(timer, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = timer
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

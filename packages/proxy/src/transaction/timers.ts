/** Named timers of one transaction, branch or response context. */
import type { Clock } from '../clock.ts'
import type { Boundary, Guard, Owner } from '../guard.ts'

interface RunningTimer {
  readonly name: string
  readonly stop: () => void
  next: RunningTimer | undefined
}

/** Named timers of one owner, each guarded. Starting a timer that runs stops it first. */
export class Timers {
  readonly #clock: Clock
  readonly #guard: Guard
  readonly #at: Boundary
  readonly #owner: Owner
  /**
   * A linked list of one or two timers. V8 would make room for 17 in an array, and there is one list for each
   * transaction of the last half minute.
   */
  #running: RunningTimer | undefined

  constructor({ clock, guard }: { clock: Clock; guard: Guard }, at: Boundary, owner: Owner) {
    this.#clock = clock
    this.#guard = guard
    this.#at = at
    this.#owner = owner
  }

  start(name: string, ms: number, act: () => void): void {
    this.stop(name)
    const stop = this.#clock.after(ms, () => {
      this.#forget(name)
      this.#guard.run(this.#at, this.#owner, act)
    })
    this.#running = { name, stop, next: this.#running }
  }

  has(name: string): boolean {
    let timer = this.#running
    while (timer !== undefined && timer.name !== name) timer = timer.next
    return timer !== undefined
  }

  stop(name: string): void {
    this.#forget(name)?.stop()
  }

  stopAll(): void {
    for (let timer = this.#running; timer !== undefined; timer = timer.next) timer.stop()
    this.#running = undefined
  }

  #forget(name: string): RunningTimer | undefined {
    let before: RunningTimer | undefined
    let timer = this.#running
    while (timer !== undefined && timer.name !== name) {
      before = timer
      timer = timer.next
    }
    if (timer === undefined) return undefined
    if (before === undefined) this.#running = timer.next
    else before.next = timer.next
    return timer
  }
}

/**
 * Ends runs that exceed their time limit.
 *
 * isolated-vm's own `timeout` keeps a timer for each run until the timer is due, even if the run ended early. If many
 * timers are due at once, it overflows a stack (https://github.com/laverdet/isolated-vm/issues/572). Instead, one
 * guard per host thread watches numbers in shared memory, at any rate and limit. The guard is an isolate of its own
 * on a thread of isolated-vm's pool. It sleeps in Atomics.wait and disposes of an isolate that exceeds its limit.
 *
 *   i32 WATCHING   1 while the guard runs; the guard returns after some time without runs, so that the process can end
 *   i32 STOP       1 asks the guard to return at once; notified
 *   i32 TICK_MS    time that the guard sleeps between two checks
 *   then for each slot (one per isolate):
 *   i32 RUN        odd while a run is in progress; the side that adds 1 first, host or guard, has ended the run
 *   i32 PAUSED     1 while the host runs a function that the script called
 *   i32 LIMIT      limit of the run in milliseconds
 */
import ivm from 'isolated-vm'
import { lookMs } from './time-limits.ts'

const WATCHING = 0
const STOP = 1
const TICK_MS = 2
const HEAD = 3
const RUN = 0
const PAUSED = 1
const LIMIT = 2
const FIELDS = 3

/** Maximum number of isolates of one thread at the same time: the children of all engines, in two generations. */
const MAX_SLOTS = 8_192
/** Number of checks in a row without a run after which the guard returns. */
const IDLE_TICKS = 4
/** The guard needs almost no memory; 8 is the minimum of isolated-vm. */
const MEMORY_MB = 8

/** Runs in the guard's isolate. It measures time by counting sleeps, because Date, its only clock, can be set. */
const SOURCE = `
  const fields = new Int32Array($0)
  const isolates = [], runs = [], elapsed = []
  const look = (tick) => {
    let busy = false
    for (let slot = 0; slot < isolates.length; slot++) {
      const at = ${HEAD} + ${FIELDS} * slot
      const run = Atomics.load(fields, at + ${RUN})
      if ((run & 1) === 0) continue
      busy = true
      if (run !== runs[slot]) {
        runs[slot] = run
        elapsed[slot] = 0
      } else if (Atomics.load(fields, at + ${PAUSED}) === 0) {
        elapsed[slot] += tick
        if (elapsed[slot] < fields[at + ${LIMIT}]) continue
        if (Atomics.compareExchange(fields, at + ${RUN}, run, (run + 1) | 0) !== run) continue
        try { isolates[slot].dispose() } catch {}
        isolates[slot] = undefined
      }
    }
    return busy
  }
  // A run that begins at this moment may have seen that the guard still watches.
  const left = () => {
    Atomics.store(fields, ${WATCHING}, 0)
    return !look(0) || Atomics.compareExchange(fields, ${WATCHING}, 0, 1) !== 0
  }
  return {
    put(slot, isolate) { isolates[slot] = isolate; runs[slot] = undefined },
    watch() {
      for (let idle = 0; idle < ${IDLE_TICKS} || !left(); ) {
        const tick = fields[${TICK_MS}]
        if (Atomics.wait(fields, ${STOP}, 0, tick) !== 'timed-out') {
          Atomics.store(fields, ${WATCHING}, 0)
          return
        }
        idle = look(tick) ? 0 : idle + 1
      }
    },
  }`

/** Watches one isolate. Its runs must not overlap. */
export class Watch {
  readonly #guard: Guard
  readonly #fields: Int32Array
  readonly #slot: number
  readonly #at: number
  #released = false

  constructor(guard: Guard, fields: Int32Array, slot: number) {
    this.#guard = guard
    this.#fields = fields
    this.#slot = slot
    this.#at = HEAD + FIELDS * slot
  }

  /**
   * Begins a run. The run has at least `limitMs` milliseconds, and at most two checks of the guard more. Returns a
   * number that must be passed to `end`.
   */
  begin(limitMs: number): number {
    const fields = this.#fields
    fields[this.#at + LIMIT] = limitMs
    const run = (fields[this.#at + RUN]! + 1) | 0
    Atomics.store(fields, this.#at + RUN, run)
    if (Atomics.load(fields, WATCHING) === 0) this.#guard.watch()
    return run
  }

  /** Ends a run. Returns whether the guard was first, and therefore disposed of the isolate. */
  end(run: number): boolean {
    return Atomics.compareExchange(this.#fields, this.#at + RUN, run, (run + 1) | 0) !== run
  }

  /** Runs host code whose time is not charged to the script. */
  pause<T>(work: () => T): T {
    Atomics.store(this.#fields, this.#at + PAUSED, 1)
    try {
      return work()
    } finally {
      Atomics.store(this.#fields, this.#at + PAUSED, 0)
    }
  }

  /** Frees the slot. The isolate is gone, or will be disposed of next. */
  release(): void {
    if (this.#released) return
    this.#released = true
    this.#guard.release(this.#slot)
  }
}

export class Guard {
  readonly #fields = new Int32Array(
    new SharedArrayBuffer((HEAD + FIELDS * MAX_SLOTS) * Int32Array.BYTES_PER_ELEMENT),
  )
  readonly #put: ivm.Reference<(slot: number, isolate?: ivm.Isolate) => void>
  readonly #watch: ivm.Reference<() => void>
  readonly #free: number[] = []
  #slots = 0

  constructor() {
    const context = new ivm.Isolate({ memoryLimit: MEMORY_MB }).createContextSync()
    const memory = new ivm.ExternalCopy(this.#fields.buffer).copyInto({ release: true })
    const inside = context.evalClosureSync(SOURCE, [memory], {
      result: { reference: true },
      filename: 'siplet:guard',
    })
    this.#put = inside.getSync('put', { reference: true })
    this.#watch = inside.getSync('watch', { reference: true })
    this.#fields[TICK_MS] = lookMs(Number.POSITIVE_INFINITY)
  }

  /** @param shortestMs the shortest limit of any run of this isolate, in milliseconds */
  over(isolate: ivm.Isolate, shortestMs: number): Watch {
    const slot = this.#free.pop() ?? this.#slots++
    if (slot >= MAX_SLOTS) throw new Error(`this thread has ${MAX_SLOTS} isolates already`)
    this.#fields[TICK_MS] = Math.min(this.#fields[TICK_MS]!, lookMs(shortestMs))
    this.#quiet(() => this.#put.applySync(undefined, [slot, isolate]))
    return new Watch(this, this.#fields, slot)
  }

  release(slot: number): void {
    this.#quiet(() => this.#put.applySync(undefined, [slot]))
    this.#free.push(slot)
  }

  /** Starts the guard. Does not wait for its end. */
  watch(): void {
    Atomics.store(this.#fields, WATCHING, 1)
    this.#watch.applyIgnored(undefined, [])
  }

  /** Runs `work` while the guard is stopped, because the guard's isolate is locked while the guard runs. */
  #quiet(work: () => void): void {
    const fields = this.#fields
    const watching = Atomics.load(fields, WATCHING)
    Atomics.store(fields, STOP, 1)
    Atomics.notify(fields, STOP)
    work()
    Atomics.store(fields, STOP, 0)
    // Another isolate may be running: its script called a function, and the function led here.
    if (watching === 1 && Atomics.load(fields, WATCHING) === 0) this.watch()
  }
}

let guard: Guard | undefined

/** Returns the guard of this thread. */
export function guardOfThread(): Guard {
  guard ??= new Guard()
  return guard
}

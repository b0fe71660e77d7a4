/** Isolation `thread`: the isolate runs in a worker thread of this process. */
import type { PendingExec } from '../dispatch/pending-exec.ts'
import { FunctionCalls } from '../functions/function-calls.ts'
import type { Functions } from '../functions/functions.ts'
import type { ChildSpec, RunEnd, StartResult } from '../isolate/host/child-spec.ts'
import { batchTimeout } from '../isolate/host/time-limits.ts'
import { giveBackShared } from '../wire/shared-memory.ts'
import { BEGUN, COMMITTED, createVerdictArea } from '../wire/verdict.ts'
import { VerdictReader } from '../wire/verdict-reader.ts'
import type { Child, Loss } from './child.ts'
import type { Workers } from './idle-workers.ts'
import { records } from './inline-child.ts'
import type { RankWorker } from './rank-worker.ts'
import { leaveBehind, MAX_STUCK_THREADS, stuckThreads, unwatch, watch } from './stuck-threads.ts'

/** A batch counts as stuck if it makes no progress for this many milliseconds in addition to its time limit. */
const STUCK_MS = 2_000
/** Time that a start may take in addition to limits.initTimeoutMs, in milliseconds, for example for a new thread. */
const START_MS = 5_000

export class ThreadChild implements Child {
  readonly rank: number
  verdicts: VerdictReader
  loss: Loss | undefined
  readonly #workers: Workers
  #worker: RankWorker
  #spec: ChildSpec
  #progress: Int32Array
  readonly #calls: FunctionCalls
  readonly #callFunctionTimeoutMs: number
  /** What the thread is expected to finish. */
  #awaited: 'start' | 'run' = 'start'
  /** Time until which the thread may wait for a function of the embedder, as returned by performance.now(). */
  #callUntil = 0
  /** Number of starts and batches so far. */
  #number = 0
  /** Progress at the last check, and the time without progress since then. */
  readonly #seen = { number: 0, begun: 0, committed: 0, unmovedMs: 0 }

  constructor(spec: ChildSpec, functions: Functions, callFunctionTimeoutMs: number, workers: Workers) {
    this.rank = spec.rank
    this.#spec = { ...spec, stopsOnFatalError: true }
    this.verdicts = new VerdictReader(spec.area, spec.limits.maxResultBytes)
    this.#progress = new Int32Array(spec.area, 0, Math.max(BEGUN, COMMITTED) + 1)
    this.#calls = new FunctionCalls(functions, spec.rank, spec.limits)
    this.#callFunctionTimeoutMs = callFunctionTimeoutMs
    this.#workers = workers
    this.#worker = workers.take()
    watch(this)
  }

  async start(): Promise<StartResult> {
    if (this.#worker.abandoned) {
      if (stuckThreads() >= MAX_STUCK_THREADS) return refusedStart(TOO_MANY_STUCK)
      this.#replaceWorker()
    }
    this.#calls.begin([])
    this.#await('start')
    const result = await this.#worker.start({
      spec: this.#spec,
      callFunctionTimeoutMs: this.#callFunctionTimeoutMs,
      call: (call) => this.#call(call),
    })
    // Another attempt would get stuck as well.
    return this.#worker.abandoned ? refusedStart(this.#stuckWords('start')) : result
  }

  run(batch: readonly PendingExec[]): RunEnd | Promise<RunEnd> {
    this.loss = undefined
    this.#calls.begin(batch)
    this.#await('run')
    return this.#worker.run(records(batch), batch.length)
  }

  get malformed(): string | undefined {
    return this.#calls.malformed
  }

  async close(): Promise<void> {
    unwatch(this)
    const { abandoned } = this.#worker
    await this.#workers.giveBack(this.#worker)
    if (!abandoned) giveBackShared(this.#spec.area)
  }

  /** See stuck-threads.ts. */
  look(elapsedMs: number): void {
    const seen = this.#seen
    const begun = this.#progress[BEGUN]!
    const committed = this.#progress[COMMITTED]!
    const moved = seen.number !== this.#number || seen.begun !== begun || seen.committed !== committed
    const waits = !this.#worker.busy || performance.now() < this.#callUntil
    seen.number = this.#number
    seen.begun = begun
    seen.committed = committed
    seen.unmovedMs = moved || waits ? 0 : seen.unmovedMs + elapsedMs
    const { timeoutMs, initTimeoutMs } = this.#spec.limits
    const patienceMs =
      this.#awaited === 'start' ? initTimeoutMs + START_MS : batchTimeout(timeoutMs) + STUCK_MS
    if (seen.unmovedMs >= patienceMs && !this.#worker.abandoned) this.#abandon()
  }

  #await(what: 'start' | 'run'): void {
    this.#awaited = what
    this.#number++
    this.#callUntil = 0
  }

  async #call(call: string): Promise<string> {
    const number = this.#number
    this.#callUntil = performance.now() + this.#callFunctionTimeoutMs
    const reply = await this.#calls.answer(call)
    if (number === this.#number) this.#callUntil = 0
    return reply
  }

  #abandon(): void {
    this.loss = {
      reason: this.#stuckWords(this.#awaited),
      memory: false,
      malformed: false,
      culprit: 'here',
      alone: true,
      called: this.#calls.called,
    }
    leaveBehind(this.#worker.abandon())
  }

  /** Replaces the shared memory as well, because the stuck thread may still write to the old memory. */
  #replaceWorker(): void {
    const area = createVerdictArea(this.#spec.limits.maxResultBytes)
    this.#spec = { ...this.#spec, area }
    this.verdicts = new VerdictReader(area, this.#spec.limits.maxResultBytes)
    this.#progress = new Int32Array(area, 0, this.#progress.length)
    this.#worker = this.#workers.take()
  }

  #stuckWords(what: 'start' | 'run'): string {
    const { timeoutMs, initTimeoutMs } = this.#spec.limits
    return what === 'start'
      ? `the start of child ${this.rank} did not stop at limits.initTimeoutMs (${initTimeoutMs} ms)`
      : `child ${this.rank} did not stop at limits.timeoutMs (${timeoutMs} ms)`
  }
}

const TOO_MANY_STUCK =
  `${MAX_STUCK_THREADS} threads of this process run code of scripts that V8 does not interrupt; ` +
  'start the process again, and use isolation process for such scripts'

function refusedStart(message: string): StartResult {
  return { ok: false, code: 'ERR_SIPLET_CHILD_INIT', message, stack: '' }
}

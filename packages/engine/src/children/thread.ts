/** Isolation `thread`: the isolate in a worker thread of this process. */
import type { PendingExec } from '../dispatch/pending-exec.ts'
import { FunctionCalls } from '../functions/function-calls.ts'
import type { Functions } from '../functions/functions.ts'
import type { ChildSpec, RunEnd, StartResult } from '../isolate/host/child.ts'
import { giveBackShared } from '../wire/shared-memory.ts'
import { VerdictReader } from '../wire/verdict-reader.ts'
import type { Child } from './child.ts'
import { records } from './inline.ts'
import type { RankWorker, WorkerOrder } from './rank-worker.ts'
import type { Workers } from './workers.ts'

export class ThreadChild implements Child {
  readonly rank: number
  readonly verdicts: VerdictReader
  readonly #workers: Workers
  readonly #worker: RankWorker
  readonly #order: WorkerOrder
  readonly #area: SharedArrayBuffer
  readonly #calls: FunctionCalls

  constructor(spec: ChildSpec, functions: Functions, callFunctionTimeoutMs: number, workers: Workers) {
    this.rank = spec.rank
    this.#area = spec.area
    this.verdicts = new VerdictReader(spec.area, spec.limits.maxResultBytes)
    this.#calls = new FunctionCalls(functions, spec.rank, spec.limits)
    this.#workers = workers
    this.#worker = workers.take()
    this.#order = { spec, callFunctionTimeoutMs, call: (call) => this.#calls.answer(call) }
  }

  start(): Promise<StartResult> {
    this.#calls.begin([])
    return this.#worker.start(this.#order)
  }

  run(batch: readonly PendingExec[]): RunEnd | Promise<RunEnd> {
    this.#calls.begin(batch)
    return this.#worker.run(records(batch), batch.length)
  }

  get malformed(): string | undefined {
    return this.#calls.malformed
  }

  async close(): Promise<void> {
    await this.#workers.giveBack(this.#worker)
    giveBackShared(this.#area)
  }
}

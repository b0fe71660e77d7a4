/**
 * Isolation `inline`: the isolate runs in the calling thread. If the embedder provides functions, `exec` runs the
 * isolate on a thread of isolated-vm's pool instead, because the calling thread could not wait for an asynchronous
 * function.
 */
import type { PendingExec } from '../dispatch/pending-exec.ts'
import { FunctionCalls } from '../functions/function-calls.ts'
import type { Functions } from '../functions/functions.ts'
import type { ChildSpec, RunEnd, StartResult } from '../isolate/host/child-spec.ts'
import { IsolateChild } from '../isolate/host/isolate-child.ts'
import { giveBackShared } from '../wire/shared-memory.ts'
import { VerdictReader } from '../wire/verdict-reader.ts'
import type { Child } from './child.ts'

export class InlineChild implements Child {
  readonly rank: number
  readonly verdicts: VerdictReader
  readonly #isolate: IsolateChild
  readonly #direct: boolean
  readonly #area: SharedArrayBuffer
  readonly #calls: FunctionCalls

  constructor(spec: ChildSpec, functions: Functions) {
    this.rank = spec.rank
    this.#area = spec.area
    this.verdicts = new VerdictReader(spec.area, spec.limits.maxResultBytes)
    this.#direct = functions.isEmpty
    const calls = new FunctionCalls(functions, spec.rank, spec.limits)
    this.#calls = calls
    this.#isolate = new IsolateChild(spec, {
      direct: (call) => calls.answerSync(call),
      waiting: (call) => calls.answer(call),
    })
  }

  get malformed(): string | undefined {
    return this.#calls.malformed
  }

  start(): StartResult {
    this.#calls.begin([])
    return this.#isolate.start()
  }

  run(batch: readonly PendingExec[]): RunEnd | Promise<RunEnd> {
    if (this.#direct) return this.runSync(batch)
    this.#calls.begin(batch)
    return this.#isolate.runAsync(records(batch), batch.length)
  }

  runSync(batch: readonly PendingExec[]): RunEnd {
    this.#calls.begin(batch)
    return this.#isolate.run(records(batch), batch.length)
  }

  async close(): Promise<void> {
    this.#isolate.dispose()
    giveBackShared(this.#area)
  }
}

/** Returns the records of a batch as one text. */
export function records(batch: readonly PendingExec[]): string {
  if (batch.length === 1) return batch[0]!.record
  let text = ''
  for (const exec of batch) text += exec.record
  return text
}

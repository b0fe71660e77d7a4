/**
 * A child that a debugger can attach to. Its isolate runs on threads of isolated-vm's pool, without limits. Meanwhile
 * the calling thread carries messages between the debugger and V8.
 */
import type { PendingExec } from '../dispatch/pending-exec.ts'
import { FunctionCalls } from '../functions/function-calls.ts'
import type { Functions } from '../functions/functions.ts'
import type { Attachment, Inspector } from '../inspector/inspector.ts'
import type { ChildSpec, RunEnd, StartResult } from '../isolate/host/child-spec.ts'
import { IsolateChild } from '../isolate/host/isolate-child.ts'
import { giveBackShared } from '../wire/shared-memory.ts'
import { VerdictReader } from '../wire/verdict-reader.ts'
import type { Child } from './child.ts'
import { records } from './inline-child.ts'

/**
 * A limit that no script reaches. isolated-vm cannot end an isolate at its memory limit while a debugger is attached:
 * the isolate hangs, or the process aborts.
 */
const MEMORY_MB = 4_096

/** 0 means no limit. */
const NO_LIMITS = { timeoutMs: 0, initTimeoutMs: 0, memoryMb: MEMORY_MB }

export class InspectedChild implements Child {
  readonly rank: number
  readonly verdicts: VerdictReader
  readonly #isolate: IsolateChild
  readonly #inspector: Inspector
  readonly #area: SharedArrayBuffer
  #attachment: Attachment | undefined
  readonly #calls: FunctionCalls

  constructor(spec: ChildSpec, functions: Functions, inspector: Inspector) {
    this.rank = spec.rank
    this.#area = spec.area
    this.#inspector = inspector
    this.verdicts = new VerdictReader(spec.area, spec.limits.maxResultBytes)
    this.#calls = new FunctionCalls(functions, spec.rank, spec.limits)
    const waiting = (call: string) => this.#calls.answer(call)
    this.#isolate = new IsolateChild(
      { ...spec, inspected: true, limits: { ...spec.limits, ...NO_LIMITS } },
      // Only the waiting gate is used: an isolate in the pool cannot call functions of this thread directly.
      { direct: () => '', waiting },
    )
  }

  async start(): Promise<StartResult> {
    await this.#end()
    this.#calls.begin([])
    const result = await this.#isolate.startInspected((isolate) => {
      this.#attachment = this.#inspector.attach(isolate)
      return this.#attachment.ready
    })
    if (!result.ok) await this.#end()
    return result
  }

  run(batch: readonly PendingExec[]): Promise<RunEnd> {
    this.#calls.begin(batch)
    return this.#isolate.runAsync(records(batch), batch.length)
  }

  get malformed(): string | undefined {
    return this.#calls.malformed
  }

  async close(): Promise<void> {
    await this.#end()
    giveBackShared(this.#area)
  }

  async #end(): Promise<void> {
    await this.#attachment?.detach()
    this.#attachment = undefined
    this.#isolate.dispose()
  }
}

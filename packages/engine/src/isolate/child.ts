/**
 * One isolate and its life: built, script evaluated once, mod_init once, child_init(rank) once, then batch after
 * batch, until it is disposed. Runs in whatever thread the isolation puts it in, and knows nothing of queues.
 */
import ivm from 'isolated-vm'
import type { Limits } from '../config.ts'
import type { ErrorCode } from '../errors.ts'
import type { Bundle } from '../script/bundle.ts'
import { writeHeap } from '../wire/verdict.ts'
import { javascriptSide } from './javascript-side.ts'
import { pythonSide } from './python-side.ts'
import { type RunReference, type ScriptSide, sliceMs } from './script-side.ts'

/** Everything an isolate needs; plain data, so that it can travel to a worker. */
export interface ChildSpec {
  rank: number
  /** See isolate/bundle.ts. */
  prelude: string
  script: Bundle
  modInitFunction: string
  childInitMethod: string
  limits: Pick<Limits, 'memoryMb' | 'timeoutMs' | 'initTimeoutMs' | 'maxResultBytes' | 'maxFunctionCalls'>
  /** Where verdicts are written to; see wire/verdict.ts. */
  area: SharedArrayBuffer
}

/** Answers call_function: JSON of a FunctionCall in, JSON of a FunctionReply out (wire/function-call.ts). */
export interface FunctionHost {
  direct(call: string): string
  /** Only used by runAsync. */
  waiting(call: string): Promise<string>
}

/** How a run ended: `done`, or what ended it. After anything but `done` the isolate must not be used again. */
export const RUN_ENDS = ['done', 'timeout', 'memory', 'lost'] as const
export type RunEnd = (typeof RUN_ENDS)[number]

/** What the start of a child came to. Plain data: it may have to cross a thread. */
export type StartResult =
  | { ok: true; methods: string[]; asyncMethods: string[] }
  | { ok: false; code: ErrorCode; message: string; stack: string }

/** How often the size of the heap is looked at. */
const HEAP_MS = 1_000

export class IsolateChild {
  readonly #spec: ChildSpec
  readonly #functions: FunctionHost
  #isolate: ivm.Isolate | undefined
  #run: RunReference | undefined
  #heapDue = 0

  constructor(spec: ChildSpec, functions: FunctionHost) {
    this.#spec = spec
    this.#functions = functions
  }

  /** Builds the isolate, evaluates the script and runs both init functions. Disposes of what was there before. */
  start(): StartResult {
    this.dispose()
    const { script, modInitFunction, childInitMethod, rank, limits } = this.#spec
    const isolate = new ivm.Isolate({ memoryLimit: limits.memoryMb })
    this.#isolate = isolate
    const init = { timeout: limits.initTimeoutMs }
    const failed = (
      code: ErrorCode,
      { message, stack }: { message: string; stack?: string },
    ): StartResult => {
      this.dispose()
      return { ok: false, code, message, stack: stack ?? '' }
    }

    let step: ErrorCode = 'ERR_SIPLET_SCRIPT_LOAD'
    let subject = `the top level of ${script.fileName}`
    try {
      const { load, initModule, initChild, methods, asyncMethods, run } = this.#side(isolate, script)
      const loaded = load(init)
      if (!loaded.ok) return failed(loaded.code ?? step, loaded)

      step = 'ERR_SIPLET_MOD_INIT'
      subject = `${modInitFunction}()`
      const modInitResult = initModule(init)
      if (!modInitResult.ok) return failed(step, modInitResult)

      step = 'ERR_SIPLET_CHILD_INIT'
      subject = `${childInitMethod}(${rank})`
      const childInitResult = initChild(init)
      if (!childInitResult.ok) return failed(step, childInitResult)

      this.#run = run
      return { ok: true, methods: methods(init), asyncMethods: asyncMethods(init) }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      switch (ending(isolate, message)) {
        case 'timeout':
          return failed(step, {
            message: `${subject} ran longer than limits.initTimeoutMs (${init.timeout} ms)`,
          })
        case 'memory':
          return failed(step, { message: `${subject} reached limits.memoryMb (${limits.memoryMb} MiB)` })
        default:
          return failed(step, {
            message: `${subject} threw: ${message}`,
            stack: error instanceof Error ? error.stack : '',
          })
      }
    }
  }

  /** Runs a batch of `count` requests on the calling thread. Verdicts stand in the area when it returns. */
  run(batch: string, count: number): RunEnd {
    const { isolate, run } = this.#started()
    try {
      run.applySync(undefined, [false, ...pieces(batch)], { timeout: this.#batchTimeout(count) })
      this.#noteHeap(isolate)
      return 'done'
    } catch (error) {
      return ending(isolate, (error as Error).message)
    }
  }

  /** The same on a thread of isolated-vm's pool, so that functions of this thread may answer asynchronously. */
  async runAsync(batch: string, count: number): Promise<RunEnd> {
    const { isolate, run } = this.#started()
    try {
      await run.apply(undefined, [true, ...pieces(batch)], { timeout: this.#batchTimeout(count) })
      this.#noteHeap(isolate)
      return 'done'
    } catch (error) {
      return ending(isolate, (error as Error).message)
    }
  }

  dispose(): void {
    const isolate = this.#isolate
    this.#isolate = undefined
    this.#run = undefined
    if (isolate !== undefined && !isolate.isDisposed) isolate.dispose()
  }

  #side(isolate: ivm.Isolate, script: Bundle): ScriptSide {
    return script.language === 'python'
      ? pythonSide(isolate, this.#spec, script, this.#functions)
      : javascriptSide(isolate, this.#spec, script, this.#functions)
  }

  #noteHeap(isolate: ivm.Isolate): void {
    const now = Date.now()
    if (now < this.#heapDue) return
    this.#heapDue = now + HEAP_MS
    const { used_heap_size: heap, externally_allocated_size: buffers } = isolate.getHeapStatisticsSync()
    writeHeap(this.#spec.area, Math.round((heap + buffers) / 1_024))
  }

  #started(): { isolate: ivm.Isolate; run: RunReference } {
    if (this.#isolate === undefined || this.#run === undefined) throw new Error('the child is not started')
    return { isolate: this.#isolate, run: this.#run }
  }

  #batchTimeout(count: number): number {
    const { timeoutMs } = this.#spec.limits
    return count === 1 ? timeoutMs : batchTimeout(timeoutMs)
  }
}

/** Each message has `timeoutMs`; a batch is cut off after one slice more, see {@link sliceMs}: milliseconds. */
export function batchTimeout(timeoutMs: number): number {
  return timeoutMs + sliceMs(timeoutMs)
}

/**
 * isolated-vm copies texts of less than 1 KiB into the isolate's young generation. Longer ones stay outside of its heap
 * until a full collection, which it forces, for 10 ms, whenever those add up to the memory limit.
 */
const PIECE = 1_023

function pieces(batch: string): string[] {
  if (batch.length <= PIECE) return [batch]
  const list: string[] = []
  for (let at = 0; at < batch.length; at += PIECE) list.push(batch.slice(at, at + PIECE))
  return list
}

/** isolated-vm tells the ways to end a run apart by message only. */
function ending(isolate: ivm.Isolate, message: string): Exclude<RunEnd, 'done'> {
  if (message.includes('memory limit') || message.includes('out of memory')) return 'memory'
  if (message === 'Script execution timed out.') return 'timeout'
  return isolate.isDisposed ? 'memory' : 'lost'
}

/**
 * One isolate and its life: built, script evaluated once, mod_init once, child_init(rank) once, then batch after
 * batch, until it is disposed. Runs in whatever thread the isolation puts it in, and knows nothing of queues.
 */
import ivm from 'isolated-vm'
import type { Limits } from '../../config.ts'
import type { ErrorCode } from '../../errors.ts'
import type { Bundle } from '../../script/bundle.ts'
import { writeHeap } from '../../wire/verdict.ts'
import type { Preludes } from './bundle.ts'
import { guardOfThread, type Watch } from './guard.ts'
import { javascriptSide } from './javascript-side.ts'
import { pythonSide } from './python-side.ts'
import type { RunReference, ScriptSide } from './script-side.ts'
import { broken, refused, startSteps } from './start-steps.ts'
import { lookMs, runLimit } from './time-limits.ts'

/** Everything an isolate needs; plain data, so that it can travel to a worker. */
export interface ChildSpec {
  rank: number
  preludes: Preludes
  script: Bundle
  modInitFunction: string
  childInitMethod: string
  limits: Pick<Limits, 'memoryMb' | 'timeoutMs' | 'initTimeoutMs' | 'maxResultBytes' | 'maxFunctionCalls'>
  /** Where verdicts are written to; see wire/verdict.ts. */
  area: SharedArrayBuffer
  /** Whether a debugger may attach; see inspector/. */
  inspected?: true
  /** Whether a fatal error of V8, such as an object that does not fit into the heap, stops the thread, not the process. */
  stopsOnFatalError?: true
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
  /** Unlike anything that is thrown where a run did not end well. */
  #wellEndedThrow: unknown
  #otherBytes: ScriptSide['otherBytes']
  #heapDue = 0
  /** Of the isolate that is there; one that is inspected has none. */
  #watch: Watch | undefined
  /** Calls through the waiting gate that the host has not answered. */
  #calls = 0

  constructor(spec: ChildSpec, functions: FunctionHost) {
    this.#spec = spec
    this.#functions = {
      direct: (call) => {
        const direct = () => functions.direct(call)
        return this.#watch === undefined ? direct() : this.#watch.pause(direct)
      },
      waiting: async (call) => {
        this.#calls++
        try {
          return await functions.waiting(call)
        } finally {
          this.#calls--
        }
      },
    }
  }

  /**
   * Builds the isolate, evaluates the script and runs both init functions. Disposes of what was there before.
   *
   * All of that together has initTimeoutMs. What V8 cannot interrupt goes on; see docs/containment.md.
   */
  start(): StartResult {
    const isolate = this.#build()
    const { timeoutMs, initTimeoutMs } = this.#spec.limits
    const watch = guardOfThread().over(isolate, Math.min(timeoutMs, initTimeoutMs))
    this.#watch = watch
    const steps = startSteps(this.#spec)
    let step = steps[0]
    const stepByStep = (): StartResult => {
      const side = this.#side(isolate)
      for (step of steps) {
        const result = side[step.entrance].sync()
        if (!result.ok) return refused(step, result)
      }
      this.#run = side.run
      this.#wellEndedThrow = side.wellEndedThrow
      this.#otherBytes = side.otherBytes
      return { ok: true, methods: side.methods.sync(), asyncMethods: side.asyncMethods.sync() }
    }
    const run = watch.begin(initTimeoutMs)
    let result: StartResult
    try {
      result = stepByStep()
    } catch (error) {
      result = broken(step, this.#spec, ending(isolate, error), error)
    }
    if (watch.end(run)) result = broken(step, this.#spec, 'timeout', undefined)
    if (!result.ok) this.dispose()
    return result
  }

  /**
   * The same on threads of isolated-vm's pool and without time limits, so that this thread can answer a debugger.
   *
   * Disposes of nothing: the debugger has to be detached first.
   *
   * @param attach is given the isolate before anything of the script runs, and is waited for
   */
  async startInspected(attach: (isolate: ivm.Isolate) => Promise<void>): Promise<StartResult> {
    const isolate = this.#build()
    const steps = startSteps(this.#spec)
    let step = steps[0]
    try {
      const side = this.#side(isolate)
      await attach(isolate)
      for (step of steps) {
        const result = await side[step.entrance].async()
        if (!result.ok) return refused(step, result)
      }
      this.#run = side.run
      this.#wellEndedThrow = side.wellEndedThrow
      return { ok: true, methods: await side.methods.async(), asyncMethods: await side.asyncMethods.async() }
    } catch (error) {
      return broken(step, this.#spec, ending(isolate, error), error)
    }
  }

  /** Runs a batch of `count` requests on the calling thread. Verdicts stand in the area when it returns. */
  run(batch: string, count: number): RunEnd {
    const { isolate, run } = this.#started()
    const watch = this.#watch!
    const begun = watch.begin(runLimit(this.#spec.limits.timeoutMs, count))
    let end: RunEnd = 'done'
    try {
      try {
        run.applySync(undefined, [false, ...pieces(batch)])
      } catch (error) {
        if (error !== this.#wellEndedThrow) throw error
      }
      this.#noteHeap(isolate)
    } catch (error) {
      end = ending(isolate, error)
    }
    return watch.end(begun) ? 'timeout' : end
  }

  /**
   * The same on a thread of isolated-vm's pool, so that functions of this thread may answer asynchronously. This thread
   * keeps the time limit itself, and only while its event loop turns: a call of the script may wait for that.
   */
  async runAsync(batch: string, count: number): Promise<RunEnd> {
    const { isolate, run } = this.#started()
    const { timeoutMs } = this.#spec.limits
    const look = lookMs(timeoutMs)
    const limited = timeoutMs > 0
    let left = runLimit(timeoutMs, count) + look
    const isOver = () => limited && left <= 0
    const timer = !limited
      ? undefined
      : setInterval(() => {
          if (this.#calls > 0) return
          left -= look
          if (isOver() && !isolate.isDisposed) isolate.dispose()
        }, look)
    try {
      await run.apply(undefined, [true, ...pieces(batch)])
    } catch (error) {
      if (error !== this.#wellEndedThrow) return isOver() ? 'timeout' : ending(isolate, error)
    } finally {
      clearInterval(timer)
    }
    if (isOver()) return 'timeout'
    this.#noteHeap(isolate)
    return 'done'
  }

  dispose(): void {
    const isolate = this.#isolate
    this.#isolate = undefined
    this.#run = undefined
    this.#watch?.release()
    this.#watch = undefined
    if (isolate !== undefined && !isolate.isDisposed) isolate.dispose()
  }

  #build(): ivm.Isolate {
    this.dispose()
    const { limits, inspected = false, stopsOnFatalError = false } = this.#spec
    const isolate = new ivm.Isolate({
      memoryLimit: limits.memoryMb,
      inspector: inspected,
      // isolated-vm ends the process if there is no handler. If there is one, it puts the thread to sleep for ever.
      ...(stopsOnFatalError ? { onCatastrophicError: () => {} } : {}),
    })
    this.#isolate = isolate
    return isolate
  }

  #side(isolate: ivm.Isolate): ScriptSide {
    const { script } = this.#spec
    return script.language === 'python'
      ? pythonSide(isolate, this.#spec, script, this.#functions)
      : javascriptSide(isolate, this.#spec, script, this.#functions)
  }

  #noteHeap(isolate: ivm.Isolate): void {
    const now = Date.now()
    if (now < this.#heapDue) return
    this.#heapDue = now + HEAP_MS
    const { used_heap_size: heap, externally_allocated_size: buffers } = isolate.getHeapStatisticsSync()
    const others = this.#otherBytes?.sync() ?? 0
    writeHeap(this.#spec.area, Math.round((heap + buffers + others) / 1_024))
  }

  #started(): { isolate: ivm.Isolate; run: RunReference } {
    if (this.#isolate === undefined || this.#run === undefined) throw new Error('the child is not started')
    return { isolate: this.#isolate, run: this.#run }
  }
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
function ending(isolate: ivm.Isolate, error: unknown): Exclude<RunEnd, 'done'> {
  const message = error instanceof Error ? error.message : String(error)
  if (message.includes('memory limit') || message.includes('out of memory')) return 'memory'
  return isolate.isDisposed ? 'memory' : 'lost'
}

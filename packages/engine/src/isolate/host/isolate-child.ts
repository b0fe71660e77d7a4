/**
 * The life of one isolate: it is built, the script is evaluated once, mod_init and child_init(rank) run once, then
 * one batch after another, until the isolate is disposed of. It runs in the thread that its isolation chooses, and
 * does not know queues.
 */
import ivm from 'isolated-vm'
import { writeHeap } from '../../wire/verdict.ts'
import type { ChildSpec, FunctionHost, RunEnd, StartResult } from './child-spec.ts'
import { guardOfThread, type Watch } from './guard.ts'
import { javascriptSide } from './javascript-side.ts'
import { pythonSide } from './python-side.ts'
import type { RunReference, ScriptSide } from './script-side.ts'
import { broken, refused, startSteps } from './start-steps.ts'
import { lookMs, runLimit } from './time-limits.ts'

/** Interval at which the heap size is measured, in milliseconds. */
const HEAP_MS = 1_000

export class IsolateChild {
  readonly #spec: ChildSpec
  readonly #functions: FunctionHost
  #isolate: ivm.Isolate | undefined
  #run: RunReference | undefined
  /** The value that a run throws to signal a good end. The default equals no value that a script can throw. */
  #wellEndedThrow: unknown
  #otherBytes: ScriptSide['otherBytes']
  #heapDue = 0
  /** Watches the time limit of the current isolate. An inspected isolate has no watch. */
  #watch: Watch | undefined
  /** Number of calls through the waiting gate that the host has not answered. */
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
   * Builds the isolate, evaluates the script and runs both init functions. Disposes of the previous isolate.
   *
   * All steps together must end within initTimeoutMs. docs/containment.md describes what V8 cannot interrupt.
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
   * Starts the child like `start`, but on threads of isolated-vm's pool and without time limits, so that this thread
   * can serve a debugger. Does not dispose of the previous isolate, because its debugger must be detached first.
   *
   * @param attach called with the isolate before any code of the script runs; its promise is awaited
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

  /** Runs a batch of `count` records on the calling thread. Afterwards the verdicts are in the area. */
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
   * Runs a batch like `run`, but on a thread of isolated-vm's pool, so that functions on this thread may answer
   * asynchronously. This thread enforces the time limit itself, and only while its event loop runs, because a call of
   * the script may wait for the event loop.
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
      // Without a handler, isolated-vm ends the process. With a handler, it puts the thread to sleep forever.
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
 * Length of the pieces in which a batch is passed. isolated-vm copies texts of less than 1 KiB into the isolate's
 * young generation. Longer texts stay outside of its heap until a full collection. isolated-vm forces such a
 * collection, which takes 10 ms, whenever these texts add up to the memory limit.
 */
const PIECE = 1_023

function pieces(batch: string): string[] {
  if (batch.length <= PIECE) return [batch]
  const list: string[] = []
  for (let at = 0; at < batch.length; at += PIECE) list.push(batch.slice(at, at + PIECE))
  return list
}

/** Returns how a run ended. isolated-vm distinguishes the causes by their messages only. */
function ending(isolate: ivm.Isolate, error: unknown): Exclude<RunEnd, 'done'> {
  const message = error instanceof Error ? error.message : String(error)
  if (message.includes('memory limit') || message.includes('out of memory')) return 'memory'
  return isolate.isDisposed ? 'memory' : 'lost'
}

/**
 * One isolate and its life: built, script evaluated once, mod_init once, child_init(rank) once, then batch after
 * batch, until it is disposed. Runs in whatever thread the isolation puts it in, and knows nothing of queues.
 */
import ivm from 'isolated-vm'
import type { Limits } from '../config.ts'
import type { ErrorCode } from '../errors.ts'
import type { Bundle } from '../script/bundle.ts'
import { writeHeap } from '../wire/verdict.ts'
import type { InitResult, prelude } from './prelude.ts'
import { compilePrelude } from './prelude-code.ts'
import { type Entrances, SCRIPT_REALM_SOURCE, type ScriptRealm } from './script-realm.ts'

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
  #run: ivm.Reference<Entrances['run']> | undefined
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
      const context = isolate.createContextSync()
      const { inside, entrances } = this.#setup(isolate, context)
      inside.getSync('listen', { reference: true }).applySync(undefined, [])
      const compiled = isolate.compileScriptSync(script.code, { filename: script.fileName })
      compiled.runSync(context, { ...init, release: true })

      step = 'ERR_SIPLET_MOD_INIT'
      subject = `${modInitFunction}()`
      const modInit = context.evalSync(lookup(script, modInitFunction), { reference: true, ...init })
      const modInitResult = entrances
        .getSync('initModule', { reference: true })
        .applySync(undefined, [modInitFunction, modInit.derefInto()], {
          ...init,
          result: { copy: true },
        }) as InitResult
      if (!modInitResult.ok) return failed(step, modInitResult)

      step = 'ERR_SIPLET_CHILD_INIT'
      subject = `${childInitMethod}(${rank})`
      const childInitResult = entrances
        .getSync('initChild', { reference: true })
        .applySync(undefined, [childInitMethod, rank], { ...init, result: { copy: true } }) as InitResult
      if (!childInitResult.ok) return failed(step, childInitResult)

      const names = (list: 'methods' | 'asyncMethods') =>
        inside
          .getSync(list, { reference: true })
          .applySync(undefined, [], { ...init, result: { copy: true } }) as string[]
      this.#run = entrances.getSync('run', { reference: true })
      return { ok: true, methods: names('methods'), asyncMethods: names('asyncMethods') }
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

  #noteHeap(isolate: ivm.Isolate): void {
    const now = Date.now()
    if (now < this.#heapDue) return
    this.#heapDue = now + HEAP_MS
    const { used_heap_size: heap, externally_allocated_size: buffers } = isolate.getHeapStatisticsSync()
    writeHeap(this.#spec.area, Math.round((heap + buffers) / 1_024))
  }

  #started(): { isolate: ivm.Isolate; run: ivm.Reference<Entrances['run']> } {
    if (this.#isolate === undefined || this.#run === undefined) throw new Error('the child is not started')
    return { isolate: this.#isolate, run: this.#run }
  }

  #batchTimeout(count: number): number {
    const { timeoutMs } = this.#spec.limits
    return count === 1 ? timeoutMs : batchTimeout(timeoutMs)
  }

  #setup(
    isolate: ivm.Isolate,
    context: ivm.Context,
  ): { inside: ivm.Reference<typeof prelude>; entrances: ivm.Reference<Entrances> } {
    const { area, limits, prelude: source } = this.#spec
    const realm: ivm.Reference<ScriptRealm> = context.evalSync(SCRIPT_REALM_SOURCE, {
      reference: true,
      filename: 'siplet:script-realm',
    })
    const inside: ivm.Reference<typeof prelude> = compilePrelude(isolate, source).runSync(
      isolate.createContextSync(),
      { reference: true, release: true },
    )
    inside
      .getSync('setup', { reference: true })
      .applySync(undefined, [
        new ivm.ExternalCopy(area).copyInto({ release: true }),
        limits.maxResultBytes,
        sliceMs(limits.timeoutMs),
        limits.maxFunctionCalls,
        realm.derefInto(),
        new ivm.Callback((call: string) => this.#functions.direct(call)) as never,
        new ivm.Reference((call: string) => this.#functions.waiting(call)),
      ])
    return { inside, entrances: realm.getSync('entrances', { reference: true }) as ivm.Reference<Entrances> }
  }
}

/**
 * A batch takes no further message once it ran for a quarter of timeoutMs, and is cut off after five quarters:
 * so every message has at least its timeoutMs, and none more than 1.25 times that.
 */
function sliceMs(timeoutMs: number): number {
  return Math.ceil(timeoutMs / 4)
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

/** An expression, to be evaluated in the script's context, whose value is the init function or undefined. */
function lookup(script: Bundle, name: string): string {
  if (script.globalName !== null) return `${script.globalName}.${name}`
  return `typeof ${name} === 'undefined' ? undefined : ${name}`
}

/** isolated-vm tells the ways to end a run apart by message only. */
function ending(isolate: ivm.Isolate, message: string): Exclude<RunEnd, 'done'> {
  if (message.includes('memory limit') || message.includes('out of memory')) return 'memory'
  if (message === 'Script execution timed out.') return 'timeout'
  return isolate.isDisposed ? 'memory' : 'lost'
}

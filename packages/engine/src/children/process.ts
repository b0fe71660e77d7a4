/** Isolation `process`: the isolate in a worker thread of the pool process, which may die without harm to this one. */
import { deserialize, serialize } from 'node:v8'
import type { PendingExec } from '../dispatch/pending-exec.ts'
import type { Functions } from '../functions/functions.ts'
import { type ChildSpec, RUN_ENDS, type RunEnd, type StartResult } from '../isolate/host/child.ts'
import { batchTimeout } from '../isolate/host/time-limits.ts'
import type { Frame } from '../wire/frame.ts'
import type { FunctionCall } from '../wire/function-call.ts'
import { VerdictReader } from '../wire/verdict.ts'
import type { Child, Loss } from './child.ts'
import { records } from './inline.ts'
import type { PoolEnd, PoolProcess } from './pool-process.ts'

/** What START carries: everything of the spec but the area, which each side has its own of. */
export interface StartOrder {
  spec: Omit<ChildSpec, 'area'>
  callFunctionTimeoutMs: number
}

/** A batch that has come no further for this much longer than its time limit is where nothing stops it: milliseconds. */
const STUCK_MS = 500

/** What a start may take beside what limits.initTimeoutMs is for, a new thread for example: milliseconds. */
const START_MS = 5_000

export class ProcessChild implements Child {
  readonly rank: number
  readonly verdicts: VerdictReader
  loss: Loss | undefined
  onIdleLoss: (() => void) | undefined
  readonly #pool: PoolProcess
  readonly #order: Buffer
  readonly #functions: Functions
  readonly #area: Buffer
  #started: ((result: StartResult) => void) | undefined
  #ended: ((end: RunEnd) => void) | undefined
  #ready = false
  #batch: readonly PendingExec[] = []
  /** When the batch under way last came further: of performance.now(). */
  #movedAt = 0
  /** When the pool process last said how far the batch under way has come: of performance.now(). */
  #markedAt = 0
  /** Calls of call_function that are not answered yet. */
  #calls = 0
  /** Places in the batch of the execs that have called a function. */
  #called = new Set<number>()
  /** Gives back the leave to run or start; see turns.ts. */
  #leave: (() => void) | undefined
  readonly #patienceMs: number
  readonly #timeoutMs: number
  readonly #initTimeoutMs: number

  constructor(spec: ChildSpec, functions: Functions, callFunctionTimeoutMs: number, pool: PoolProcess) {
    const { area, ...rest } = spec
    this.rank = spec.rank
    this.verdicts = new VerdictReader(area)
    this.#area = Buffer.from(area)
    this.#functions = functions
    this.#pool = pool
    this.#order = serialize({ spec: rest, callFunctionTimeoutMs } satisfies StartOrder)
    this.#timeoutMs = spec.limits.timeoutMs
    this.#initTimeoutMs = spec.limits.initTimeoutMs
    this.#patienceMs = batchTimeout(spec.limits.timeoutMs) + STUCK_MS
    pool.listen(this.rank, {
      frame: (frame) => this.#frame(frame),
      ended: (end) => this.#poolEnded(end),
      stuck: () => this.#stuck(),
    })
  }

  get pid(): number | undefined {
    return this.#pool.pid
  }

  async start(): Promise<StartResult> {
    this.#ready = false
    const turn = this.#pool.turns.enter(false)
    this.#leave = turn instanceof Promise ? await turn : turn
    return new Promise((resolve) => {
      this.#started = resolve
      this.#movedAt = this.#markedAt = performance.now()
      this.#calls = 0
      this.#pool.send('START', this.rank, 0, this.#order)
      this.#pool.busy(this.rank, true)
    })
  }

  run(batch: readonly PendingExec[], alone = false): RunEnd | Promise<RunEnd> {
    this.loss = undefined
    const turn = this.#pool.turns.enter(alone)
    return turn instanceof Promise ? turn.then((leave) => this.#run(batch, leave)) : this.#run(batch, turn)
  }

  #run(batch: readonly PendingExec[], leave: () => void): RunEnd | Promise<RunEnd> {
    this.#batch = batch
    this.#called.clear()
    if (!this.#ready) {
      leave()
      this.loss = { ...NOT_RUN, called: this.#called }
      return 'lost'
    }
    this.#leave = leave
    return new Promise((resolve) => {
      this.#ended = resolve
      this.#movedAt = this.#markedAt = performance.now()
      this.#calls = 0
      this.#pool.send('RUN', this.rank, batch.length, Buffer.from(records(batch), 'latin1'))
      this.#pool.busy(this.rank, true)
    })
  }

  close(): Promise<void> {
    this.onIdleLoss = undefined
    return this.#pool.close()
  }

  #frame({ kind, number, payload }: Frame): void {
    switch (kind) {
      case 'STARTED': {
        const length = payload.readUInt32LE(0)
        this.#area.set(payload.subarray(4, 4 + length))
        this.#settleStart(deserialize(payload.subarray(4 + length)))
        break
      }
      case 'MARK':
        this.#markedAt = performance.now()
        // Its head says how many execs began and ended.
        if (payload.compare(this.#area, 0, payload.length) !== 0) this.#movedAt = performance.now()
        this.#area.set(payload)
        break
      case 'ENDED':
        this.#area.set(payload)
        this.#settleRun(RUN_ENDS[number]!)
        break
      case 'CALL':
        this.#callFunction(number, payload)
        break
    }
  }

  async #callFunction(id: number, call: Buffer): Promise<void> {
    this.#calls++
    const parsed: FunctionCall = JSON.parse(call.toString())
    this.#called.add(parsed.index)
    // The function may wait for an exec of another child, which then must be able to run.
    this.#giveWay()
    const reply = await this.#functions.call(this.rank, this.#batch, parsed)
    this.#calls--
    this.#movedAt = performance.now()
    if (this.#ready) this.#pool.send('REPLY', this.rank, id, Buffer.from(JSON.stringify(reply)))
  }

  /** Only what the process itself said tells: where it says nothing, it may be the machine that is slow. */
  #stuck(): string | undefined {
    if (this.#calls > 0) return undefined
    const unmovedMs = this.#markedAt - this.#movedAt
    if (this.#started !== undefined) {
      return unmovedMs < this.#initTimeoutMs + START_MS
        ? undefined
        : `the start of child ${this.rank} did not stop at limits.initTimeoutMs (${this.#initTimeoutMs} ms)`
    }
    if (this.#ended === undefined || unmovedMs < this.#patienceMs) return undefined
    return `child ${this.rank} did not stop at limits.timeoutMs (${this.#timeoutMs} ms)`
  }

  #giveWay(): void {
    this.#leave?.()
    this.#leave = undefined
  }

  #settleStart(result: StartResult): void {
    this.#giveWay()
    this.#pool.busy(this.rank, false)
    this.#ready = result.ok
    const started = this.#started
    this.#started = undefined
    started?.(result)
  }

  #settleRun(end: RunEnd): void {
    this.#giveWay()
    this.#pool.busy(this.rank, false)
    if (end !== 'done') this.#ready = false
    const ended = this.#ended
    this.#ended = undefined
    ended?.(end)
  }

  #poolEnded({ reason, memory, stuckRank, busyRanks }: PoolEnd): void {
    this.loss = {
      reason,
      memory,
      culprit: stuckRank === undefined ? 'unknown' : stuckRank === this.rank ? 'here' : 'elsewhere',
      alone: busyRanks.size === 1 && busyRanks.has(this.rank),
      called: this.#called,
    }
    const idle = this.#ready && this.#ended === undefined
    this.#ready = false
    this.#pool.busy(this.rank, false)
    if (this.#started !== undefined) {
      this.#settleStart({
        ok: false,
        // Where it is this very start that nothing stopped, another attempt would only take as long.
        code: stuckRank === this.rank ? 'ERR_SIPLET_CHILD_INIT' : 'ERR_SIPLET_CHILD_LOST',
        message: `${reason} while child ${this.rank} started`,
        stack: '',
      })
    } else if (this.#ended !== undefined) this.#settleRun('lost')
    else if (idle) this.onIdleLoss?.()
  }
}

/** Of a batch that never reached the process. */
const NOT_RUN: Omit<Loss, 'called'> = {
  reason: 'its process had ended before',
  memory: false,
  culprit: 'elsewhere',
  alone: false,
}

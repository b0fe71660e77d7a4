/** Isolation `process`: the isolate in a worker thread of the pool process, which may die without harm to this one. */
import { serialize } from 'node:v8'
import type { PendingExec } from '../dispatch/pending-exec.ts'
import { FunctionCalls } from '../functions/function-calls.ts'
import type { Functions } from '../functions/functions.ts'
import { type ChildSpec, RUN_ENDS, type RunEnd, type StartResult } from '../isolate/host/child.ts'
import { batchTimeout } from '../isolate/host/time-limits.ts'
import { type Frame, isLaterCall } from '../wire/frame.ts'
import { Malformed } from '../wire/malformed.ts'
import { snapshotProgress, takeSnapshot } from '../wire/snapshot.ts'
import { parseStartResult } from '../wire/start-result.ts'
import { VerdictReader } from '../wire/verdict-reader.ts'
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
const U32_BYTES = 4

/** What a start may take beside what limits.initTimeoutMs is for, a new thread for example: milliseconds. */
const START_MS = 5_000

export class ProcessChild implements Child {
  readonly rank: number
  readonly verdicts: VerdictReader
  loss: Loss | undefined
  onIdleLoss: (() => void) | undefined
  readonly #pool: PoolProcess
  readonly #order: Buffer
  readonly #functionCalls: FunctionCalls
  readonly #area: Buffer
  #started: ((result: StartResult) => void) | undefined
  #ended: ((end: RunEnd) => void) | undefined
  #ready = false
  /** Number of the last call_function, over all processes that the child lived in; see isLaterCall. */
  #lastCall = 0
  /** When the batch under way last came further: of performance.now(). */
  #movedAt = 0
  /** What the last mark of the batch said. */
  #begun = 0
  #committed = 0
  /** When the pool process last said how far the batch under way has come: of performance.now(). */
  #markedAt = 0
  /** Calls of call_function that are not answered yet. */
  #calls = 0
  /** Gives back the leave to run or start; see turns.ts. */
  #leave: (() => void) | undefined
  readonly #patienceMs: number
  readonly #timeoutMs: number
  readonly #initTimeoutMs: number

  constructor(spec: ChildSpec, functions: Functions, callFunctionTimeoutMs: number, pool: PoolProcess) {
    const { area, ...rest } = spec
    this.rank = spec.rank
    this.verdicts = new VerdictReader(area, spec.limits.maxResultBytes)
    this.#area = Buffer.from(area)
    this.#functionCalls = new FunctionCalls(functions, spec.rank, spec.limits)
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

  get malformed(): string | undefined {
    return this.#functionCalls.malformed
  }

  get pid(): number | undefined {
    return this.#pool.pid
  }

  async start(): Promise<StartResult> {
    this.#ready = false
    this.#functionCalls.begin([])
    const turn = this.#pool.turns.enter(false)
    this.#leave = turn instanceof Promise ? await turn : turn
    return new Promise((resolve) => {
      this.#started = resolve
      this.#movedAt = this.#markedAt = performance.now()
      this.#calls = 0
      this.#pool.send('START', this.rank, this.#lastCall, this.#order)
      this.#pool.busy(this.rank, true)
    })
  }

  run(batch: readonly PendingExec[], alone = false): RunEnd | Promise<RunEnd> {
    this.loss = undefined
    const turn = this.#pool.turns.enter(alone)
    return turn instanceof Promise ? turn.then((leave) => this.#run(batch, leave)) : this.#run(batch, turn)
  }

  #run(batch: readonly PendingExec[], leave: () => void): RunEnd | Promise<RunEnd> {
    this.#functionCalls.begin(batch)
    if (!this.#ready || this.#pool.ending) {
      leave()
      this.loss = NOT_RUN
      return 'lost'
    }
    this.#leave = leave
    return new Promise((resolve) => {
      this.#ended = resolve
      this.#movedAt = this.#markedAt = performance.now()
      this.#calls = this.#begun = this.#committed = 0
      this.#pool.send('RUN', this.rank, batch.length, Buffer.from(records(batch), 'latin1'))
      this.#pool.busy(this.rank, true)
    })
  }

  close(): Promise<void> {
    this.onIdleLoss = undefined
    return this.#pool.close()
  }

  /** @throws Malformed if nobody waits for such a frame, or it is none */
  #frame({ kind, number, payload }: Frame): void {
    const starting = this.#started !== undefined
    const running = this.#ended !== undefined
    if (kind === 'STARTED' && starting) this.#takeStart(payload)
    else if (kind === 'MARK' && running) this.#takeMark(payload)
    else if (kind === 'ENDED' && running) this.#takeEnd(number, payload)
    else if (kind === 'CALL' && running) this.#takeCall(number, payload)
    // During a start it says no more than that the process lives.
    else if (kind === 'MARK' && starting) this.#markedAt = performance.now()
    else throw new Malformed(`${kind} that nobody waits for`)
  }

  #takeStart(payload: Buffer): void {
    const length = payload.length < U32_BYTES ? -1 : payload.readUInt32LE(0)
    const end = U32_BYTES + length
    if (length < 0 || end > payload.length) throw new Malformed('STARTED that is too short')
    this.#takeArea(payload.subarray(U32_BYTES, end))
    this.#settleStart(parseStartResult(payload.toString('utf8', end)))
  }

  #takeMark(payload: Buffer): void {
    this.#markedAt = performance.now()
    this.#takeArea(payload)
    const { begun, committed } = snapshotProgress(payload)
    if (begun === this.#begun && committed === this.#committed) return
    this.#begun = begun
    this.#committed = committed
    this.#movedAt = this.#markedAt
  }

  #takeEnd(number: number, payload: Buffer): void {
    const end = RUN_ENDS[number]
    if (end === undefined) throw new Malformed(`ENDED with number ${number}`)
    this.#takeArea(payload)
    this.#settleRun(end)
  }

  #takeArea(snapshot: Buffer): void {
    if (!takeSnapshot(this.#area, snapshot)) throw new Malformed(`a snapshot of ${snapshot.length} bytes`)
  }

  #takeCall(id: number, payload: Buffer): void {
    if (!isLaterCall(id, this.#lastCall)) throw new Malformed(`call number ${id} after ${this.#lastCall}`)
    this.#lastCall = id
    this.#callFunction(id, payload.toString())
  }

  /** Calls a function of the embedder. Numbers are never used twice, so that no reply can be taken for another one. */
  async #callFunction(id: number, call: string): Promise<void> {
    const run = this.#ended
    this.#calls++
    // The function may wait for an exec of another child, which then must be able to run.
    this.#giveWay()
    const reply = await this.#functionCalls.answer(call)
    // The process that asked may have ended, and this child may live in another one.
    if (run !== this.#ended) return
    this.#calls--
    this.#movedAt = performance.now()
    this.#pool.send('REPLY', this.rank, id, Buffer.from(reply))
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

  #poolEnded({ reason, memory, malformed, stuckRank, busyRanks }: PoolEnd): void {
    this.loss = {
      reason,
      memory,
      malformed,
      culprit: stuckRank === undefined ? 'unknown' : stuckRank === this.rank ? 'here' : 'elsewhere',
      alone: busyRanks.size === 1 && busyRanks.has(this.rank),
      called: this.#functionCalls.called,
    }
    const idle = this.#ready && this.#ended === undefined
    this.#ready = false
    this.#pool.busy(this.rank, false)
    if (this.#started !== undefined) {
      this.#settleStart({
        ok: false,
        // Where it is this very start that nothing stopped, another attempt would only take as long.
        code: stuckRank === this.rank && !malformed ? 'ERR_SIPLET_CHILD_INIT' : 'ERR_SIPLET_CHILD_LOST',
        message: `${reason} while child ${this.rank} started`,
        stack: '',
      })
    } else if (this.#ended !== undefined) this.#settleRun('lost')
    else if (idle) this.onIdleLoss?.()
  }
}

/** Of a batch that never reached the process. */
const NOT_RUN: Loss = {
  reason: 'its process had ended before',
  memory: false,
  malformed: false,
  culprit: 'elsewhere',
  alone: false,
  called: new Set(),
}

/** Isolation `process`: the isolate in a worker thread of the pool process, which may die without harm to this one. */
import { serialize } from 'node:v8'
import type { PendingExec } from '../dispatch/pending-exec.ts'
import { FunctionCalls, maxCallLength } from '../functions/function-calls.ts'
import type { Functions } from '../functions/functions.ts'
import { type ChildSpec, RUN_ENDS, type RunEnd, type StartResult } from '../isolate/host/child.ts'
import { batchTimeout } from '../isolate/host/time-limits.ts'
import { type Frame, type FrameKind, isLaterCall } from '../wire/frame.ts'
import { Malformed } from '../wire/malformed.ts'
import { snapshotProgress, takeSnapshot } from '../wire/snapshot.ts'
import { parseStartResult } from '../wire/start-result.ts'
import { RECORDS_START } from '../wire/verdict.ts'
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
/** How often that time may pass, if the batch does come further: it must end at some time. */
const MAX_PATIENCE = 10
/** Calls of one child that a function of the embedder works on, beyond limits.maxFunctionCalls. */
const MAX_LATE_CALLS = 64
/** What of one child the process has not read, apart from the last batch or start order: bytes. */
const MAX_UNREAD_BYTES = 2 ** 24
const U32_BYTES = 4

/** What a start may take beside what limits.initTimeoutMs is for, a new thread for example: milliseconds. */
const START_MS = 5_000

export class ProcessChild implements Child {
  readonly rank: number
  readonly verdicts: VerdictReader
  loss: Loss | undefined
  onIdleLoss: ((unprompted: boolean) => void) | undefined
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
  /** When the batch under way began, or its last call_function was answered: of performance.now(). */
  #runningSince = 0
  /** Messages in the batch under way. */
  #batchLength = 0
  /** What the last mark of the batch said. */
  #begun = 0
  #committed = 0
  /** When the pool process last said how far the batch under way has come: of performance.now(). */
  #markedAt = 0
  /** Calls of call_function that are not answered yet. */
  #calls = 0
  /** The same of all runs: a function may still work for a run that ended. */
  #functionsAtWork = 0
  /** Bytes that were sent to the process and wait on this side. */
  #unread = { bytes: 0 }
  /** Length of the last batch or start order: bytes. */
  #orderLength = 0
  /** Gives back the leave to run or start; see turns.ts. */
  #leave: (() => void) | undefined
  readonly #patienceMs: number
  readonly #timeoutMs: number
  readonly #initTimeoutMs: number
  readonly #maxCallLength: number
  readonly #maxFunctionsAtWork: number

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
    this.#maxCallLength = maxCallLength(spec.limits)
    this.#maxFunctionsAtWork = spec.limits.maxFunctionCalls + MAX_LATE_CALLS
    this.#patienceMs = batchTimeout(spec.limits.timeoutMs) + STUCK_MS
    pool.listen(this.rank, {
      frame: (frame) => this.#frame(frame),
      expects: (kind) => this.#expects(kind),
      waitsSince: () => (this.#started ?? this.#ended) && this.#markedAt,
      ended: (end) => this.#poolEnded(end),
      stuck: () => this.#stuck(),
      runs: () => this.#ended !== undefined,
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
      this.#orderLength = this.#order.length
      this.#send('START', this.#lastCall, this.#order)
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
      this.#movedAt = this.#markedAt = this.#runningSince = performance.now()
      this.#calls = this.#begun = this.#committed = 0
      this.#batchLength = batch.length
      const bytes = Buffer.from(records(batch), 'latin1')
      this.#orderLength = bytes.length
      this.#send('RUN', batch.length, bytes)
      this.#pool.busy(this.rank, true)
    })
  }

  close(): Promise<void> {
    this.onIdleLoss = undefined
    return this.#pool.close()
  }

  #send(kind: FrameKind, number: number, payload: Buffer): void {
    // One that ended gives nothing back here.
    const unread = this.#unread
    unread.bytes += payload.length
    this.#pool.send(kind, this.rank, number, payload, () => {
      unread.bytes -= payload.length
    })
  }

  #expects(kind: FrameKind): boolean {
    if (this.#started !== undefined) return kind === 'STARTED' || kind === 'MARK'
    return this.#ended !== undefined && (kind === 'MARK' || kind === 'ENDED' || kind === 'CALL')
  }

  /** @throws Malformed if nobody waits for such a frame, or it is none */
  #frame({ kind, number, payload }: Frame): void {
    if (!this.#expects(kind)) throw new Malformed(`${kind} that nobody waits for`)
    // Whoever answers without reading lets what is sent pile up here.
    if (this.#unread.bytes > this.#orderLength + MAX_UNREAD_BYTES) {
      throw new Malformed(`${kind} of a process that does not read what it is sent`)
    }
    if (kind === 'STARTED') this.#takeStart(payload)
    else if (kind === 'ENDED') this.#takeEnd(number, payload)
    else if (kind === 'CALL') this.#takeCall(number, payload)
    else if (this.#ended !== undefined) this.#takeMark(payload)
    // During a start it says no more than that the process lives.
    else this.#markedAt = performance.now()
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
    // An isolate can write anything into its own area while it runs. Nonsense in a MARK is therefore no progress, but it
    // is no sign of a broken process either: the end of the batch finds the area malformed, which costs this child only.
    // Only the highest values count as progress, so numbers that go back and forth cannot prolong the batch.
    const isFurther = begun > this.#begun && begun <= this.#batchLength
    const isLonger = committed > this.#committed && committed <= payload.length - RECORDS_START
    if (!isFurther && !isLonger) return
    if (isFurther) this.#begun = begun
    if (isLonger) this.#committed = committed
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
    const call = payload.toString()
    // The process refuses such a call itself; refused here, it would be a sign of life that nothing counts.
    if (call.length > this.#maxCallLength) throw new Malformed(`a call of ${call.length} characters`)
    if (this.#functionsAtWork >= this.#maxFunctionsAtWork) {
      throw new Malformed(`more than ${this.#maxFunctionsAtWork} calls at once`)
    }
    // One malformed call may be that of an isolate, and costs the child when its batch ends. Two cost the process.
    if (this.#functionCalls.malformed !== undefined) throw new Malformed('a call after a malformed one')
    // The function may wait for an exec of another child, which then must be able to run.
    this.#giveWay()
    this.#sendReply(id, this.#functionCalls.answer(call))
  }

  /** Sends what a function answers. Numbers are never used twice, so that no reply can be taken for another one. */
  async #sendReply(id: number, answer: Promise<string>): Promise<void> {
    const run = this.#ended
    this.#calls++
    this.#functionsAtWork++
    const reply = await answer
    this.#functionsAtWork--
    // The process that asked may have ended, and this child may live in another one.
    if (run !== this.#ended) return
    this.#calls--
    if (this.#functionCalls.malformed === undefined) this.#movedAt = this.#runningSince = performance.now()
    this.#send('REPLY', id, Buffer.from(reply))
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
    if (this.#ended === undefined) return undefined
    const ranMs = this.#markedAt - this.#runningSince
    if (unmovedMs < this.#patienceMs && ranMs < MAX_PATIENCE * this.#patienceMs) return undefined
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

  #poolEnded(end: PoolEnd): void {
    const { reason, memory, malformed, stuckRank, busyRanks } = end
    this.loss = {
      reason,
      memory,
      malformed,
      culprit: stuckRank === undefined ? 'unknown' : stuckRank === this.rank ? 'here' : 'elsewhere',
      alone: busyRanks.size === 1 && busyRanks.has(this.rank),
      called: this.#functionCalls.called,
    }
    this.#unread = { bytes: 0 }
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
    else if (idle) this.onIdleLoss?.(end.idle)
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

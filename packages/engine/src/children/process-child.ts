/**
 * Isolation `process`: the isolate runs in a worker thread of the pool process. That process may end without harm to
 * this one.
 */
import { serialize } from 'node:v8'
import type { PendingExec } from '../dispatch/pending-exec.ts'
import { FunctionCalls, maxCallLength } from '../functions/function-calls.ts'
import type { Functions } from '../functions/functions.ts'
import { type ChildSpec, RUN_ENDS, type RunEnd, type StartResult } from '../isolate/host/child-spec.ts'
import { batchTimeout } from '../isolate/host/time-limits.ts'
import { type Frame, type FrameKind, isLaterCall } from '../wire/frame.ts'
import { Malformed } from '../wire/malformed.ts'
import { snapshotProgress, takeSnapshot } from '../wire/snapshot.ts'
import { parseStartResult } from '../wire/start-result.ts'
import { RECORDS_START } from '../wire/verdict.ts'
import { VerdictReader } from '../wire/verdict-reader.ts'
import type { Child, Loss } from './child.ts'
import { records } from './inline-child.ts'
import type { PoolEnd, PoolProcess } from './pool-process.ts'

/** Payload of a START frame: the spec without its area, because each side has its own area. */
export interface StartOrder {
  spec: Omit<ChildSpec, 'area'>
  callFunctionTimeoutMs: number
}

/** A batch counts as stuck if it makes no progress for this many milliseconds in addition to its time limit. */
const STUCK_MS = 500
/** Maximum number of such times that a batch may take in total, even if it makes progress. */
const MAX_PATIENCE = 10
/**
 * Maximum number of calls of one child that functions of the embedder still work on, in addition to
 * limits.maxFunctionCalls.
 */
const MAX_LATE_CALLS = 64
/**
 * Maximum number of bytes sent for one child that the process has not read, without the last batch or START frame.
 */
const MAX_UNREAD_BYTES = 2 ** 24
const U32_BYTES = 4

/** Time that a start may take in addition to limits.initTimeoutMs, in milliseconds, for example for a new thread. */
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
  /** Number of the last call_function, over all processes that the child has lived in (see isLaterCall). */
  #lastCall = 0
  /** Time of the last progress of the running batch, as returned by performance.now(). */
  #movedAt = 0
  /**
   * Time at which the running batch began, or its last call_function was answered, as returned by performance.now().
   */
  #runningSince = 0
  /** Number of execs in the running batch. */
  #batchLength = 0
  /** Progress of the batch as reported by the last mark. */
  #begun = 0
  #committed = 0
  /** Time of the last mark, as returned by performance.now(). */
  #markedAt = 0
  /** Number of calls of call_function in this run that have no answer yet. */
  #calls = 0
  /** Number of such calls over all runs. A function may still work for a run that ended. */
  #functionsAtWork = 0
  /** Number of bytes sent to the process that are still buffered on this side. */
  #unread = { bytes: 0 }
  /** Length of the last batch or START frame, in bytes. */
  #orderLength = 0
  /** Ends the turn of the current run or start (turns.ts). */
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
    // Counts in the object of this process. A process that ended must not change the count of its successor.
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

  /** @throws Malformed if the frame is not expected, or is invalid */
  #frame({ kind, number, payload }: Frame): void {
    if (!this.#expects(kind)) throw new Malformed(`unexpected ${kind}`)
    // A process that sends replies without reading would make frames pile up here.
    if (this.#unread.bytes > this.#orderLength + MAX_UNREAD_BYTES) {
      throw new Malformed(`${kind} of a process that does not read what it is sent`)
    }
    if (kind === 'STARTED') this.#takeStart(payload)
    else if (kind === 'ENDED') this.#takeEnd(number, payload)
    else if (kind === 'CALL') this.#takeCall(number, payload)
    else if (this.#ended !== undefined) this.#takeMark(payload)
    // During a start, a mark only shows that the process lives.
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
    // While it runs, an isolate can write anything into its own area. So nonsense in a mark is no progress, but no
    // sign of a broken process either: at the end of the batch, the area is found malformed, which costs this child
    // only. Only the highest values count as progress, so values that go back and forth cannot prolong the batch.
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
    // An honest process refuses such a call itself. If it were refused here, it would be a sign of life without a
    // bound.
    if (call.length > this.#maxCallLength) throw new Malformed(`a call of ${call.length} characters`)
    if (this.#functionsAtWork >= this.#maxFunctionsAtWork) {
      throw new Malformed(`more than ${this.#maxFunctionsAtWork} calls at once`)
    }
    // The first malformed call may come from an isolate, and costs the child when its batch ends. A second one costs
    // the process.
    if (this.#functionCalls.malformed !== undefined) throw new Malformed('a call after a malformed one')
    // The function may wait for an exec of another child, so other children must be able to run.
    this.#giveWay()
    this.#sendReply(id, this.#functionCalls.answer(call))
  }

  /**
   * Sends the reply of a function. Call numbers are never reused, so no reply can be taken for that of another call.
   */
  async #sendReply(id: number, answer: Promise<string>): Promise<void> {
    const run = this.#ended
    this.#calls++
    this.#functionsAtWork++
    const reply = await answer
    this.#functionsAtWork--
    // The process that sent the call may have ended, and this child may live in another one.
    if (run !== this.#ended) return
    this.#calls--
    if (this.#functionCalls.malformed === undefined) this.#movedAt = this.#runningSince = performance.now()
    this.#send('REPLY', id, Buffer.from(reply))
  }

  /**
   * Returns why the batch counts as stuck. Only reports of the process itself are considered: if it sends nothing,
   * the machine may be slow.
   */
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
        // If this very start was stuck, another attempt would get stuck as well.
        code: stuckRank === this.rank && !malformed ? 'ERR_SIPLET_CHILD_INIT' : 'ERR_SIPLET_CHILD_LOST',
        message: `${reason} while child ${this.rank} started`,
        stack: '',
      })
    } else if (this.#ended !== undefined) this.#settleRun('lost')
    else if (idle) this.onIdleLoss?.(end.idle)
  }
}

/** The loss of a batch that never reached the process. */
const NOT_RUN: Loss = {
  reason: 'its process had ended before',
  memory: false,
  malformed: false,
  culprit: 'elsewhere',
  alone: false,
  called: new Set(),
}

/**
 * What waits for one child, and the loop that feeds it. An idle child gets a message at once; what arrives while
 * it is busy becomes one batch. One exec that ends a child (timeout, memory, a lost worker) is answered with that;
 * the child is rebuilt with its rank and the rest of the batch runs there.
 */
import type { Child, Loss } from '../children/child.ts'
import type { RunTime } from '../exec-result.ts'
import type { RunEnd, StartResult } from '../isolate/host/child.ts'
import type { Outcome } from '../wire/verdict.ts'
import type { PendingExec } from './pending-exec.ts'

const FIRST_RETRY_MS = 10
const LAST_RETRY_MS = 5_000
const MAX_LOST_IDLE = 3
const START_ATTEMPTS = 3
/** Execs that may be kept in front of those that wait. */
const MAX_TAKEN = 1_024

export type Ending = Exclude<RunEnd, 'done'>
export type StartFailure = Extract<StartResult, { ok: false }>

/** What a queue tells the engine. Each exec is reported exactly once, through one of the first three. */
export interface QueueEvents {
  /** The method returned or threw. */
  ended(exec: PendingExec, outcome: Outcome, rank: number, time: RunTime): void
  /**
   * The child ended while the exec ran in it. `loss`: what is known of a lost one. `killed`: the exec, and nothing else,
   * can have ended the process that the child lived in.
   */
  broke(
    exec: PendingExec,
    ending: Ending,
    logs: Outcome['logs'],
    rank: number,
    time: RunTime,
    loss: Loss | undefined,
    killed: boolean,
  ): void
  /** The child does not come up again. */
  refused(exec: PendingExec, failure: StartFailure, rank: number): void
  /** The child was started, for the first time or again; log lines of its init functions. */
  started(logs: Outcome['logs'], rank: number): void
  /** The child ended, and is about to be started again. */
  rebuilt(rank: number, cause: Ending): void
  /** The child did not come up again; it is tried again with back-off. */
  degraded(rank: number, failure: StartFailure): void
  /** It did, after all. */
  recovered(rank: number): void
}

export interface QueueLimits {
  /** Messages in a batch, at most. */
  maxBatch: number
  /** Bytes in a batch, at most; a longer message travels alone. */
  maxBatchBytes: number
}

export class ChildQueue {
  readonly child: Child
  readonly #limits: QueueLimits
  readonly #events: QueueEvents
  /** What waits starts at `next`: taking a batch from the front must not move all that stands behind it. */
  #waiting: PendingExec[] = []
  #next = 0
  #underWay = 0
  #busy = false
  #failure: StartFailure | undefined
  #retryMs = FIRST_RETRY_MS
  /** How often in a row the child was lost before any exec began. */
  #lostIdle = 0
  /** Execs at the front that run one at a time with nothing else in their process: one of them may have ended it. */
  #suspects = 0
  #retryAt = 0
  #whenIdle: (() => void)[] = []
  #held: Promise<void> | undefined
  #execs = 0
  #batches = 0
  readonly #rebuilds: Record<Ending, number> = { timeout: 0, memory: 0, lost: 0 }

  constructor(child: Child, limits: QueueLimits, events: QueueEvents) {
    this.child = child
    this.#limits = limits
    this.#events = events
    child.onIdleLoss = () => this.#lostWhileIdle()
  }

  /** Execs waiting or under way. */
  get length(): number {
    return this.#waitingCount + this.#underWay
  }

  get #waitingCount(): number {
    return this.#waiting.length - this.#next
  }

  get stats(): ChildStats {
    return {
      rank: this.child.rank,
      state: this.#failure !== undefined ? 'degraded' : this.#busy ? 'busy' : 'idle',
      queued: this.#waitingCount,
      execs: this.#execs,
      batches: this.#batches,
      rebuilds: { ...this.#rebuilds },
      heapBytes: this.child.verdicts.heapBytes,
      pid: 'pid' in this.child ? (this.child.pid ?? null) : process.pid,
    }
  }

  /** Starts the child for the first time. */
  async start(): Promise<StartResult> {
    const result = await this.#startChild()
    this.#events.started(this.child.verdicts.read().unfinishedLogs, this.child.rank)
    return result
  }

  push(exec: PendingExec): void {
    this.#waiting.push(exec)
    if (this.#busy) return
    this.#busy = true
    // Execs made in one go travel together; nothing is delayed beyond the current job of the event loop.
    queueMicrotask(() => this.#drain())
  }

  /** Runs one exec on the calling thread. False where the child is busy or cannot do that. */
  runSync(exec: PendingExec): boolean {
    const { child } = this
    if (!this.isIdle || child.runSync === undefined) return false
    if (this.#failure !== undefined) {
      const result = this.#retry()
      if (result instanceof Promise) return false
      if (result !== undefined) {
        this.#events.refused(exec, result, child.rank)
        return true
      }
    }
    this.#busy = true
    const batch = [exec]
    const start = performance.now()
    const end = child.runSync(batch)
    this.#settle(batch, end, start)
    if (end !== 'done') this.#restarted(this.#startChild() as StartResult)
    this.#idle()
    return true
  }

  /** Runs nothing before that; `push` takes execs meanwhile. */
  after(held: Promise<void>): void {
    this.#held = held.then(() => {
      this.#held = undefined
    })
  }

  get isIdle(): boolean {
    return !this.#busy && this.#held === undefined
  }

  /** Resolves when nothing waits and nothing is under way. */
  idle(): Promise<void> {
    if (!this.#busy) return Promise.resolve()
    return new Promise((resolve) => {
      this.#whenIdle.push(resolve)
    })
  }

  async #drain(): Promise<void> {
    if (this.#held !== undefined) await this.#held
    while (this.#waitingCount > 0) {
      if (this.#failure !== undefined) {
        const failure = await this.#retry()
        if (failure !== undefined) {
          for (const exec of this.#takeAll()) this.#events.refused(exec, failure, this.child.rank)
          break
        }
      }
      const batch = this.#take()
      const suspect = this.#suspects > 0
      if (suspect) this.#suspects--
      this.#underWay = batch.length
      const start = performance.now()
      const running = this.child.run(batch, suspect)
      const end = running instanceof Promise ? await running : running
      this.#underWay = 0
      this.#settle(batch, end, start, suspect)
      if (end !== 'done') this.#restarted(await this.#startChild())
    }
    this.#idle()
  }

  #take(): PendingExec[] {
    const waiting = this.#waiting
    const { maxBatch, maxBatchBytes } = this.#limits
    const start = this.#next
    const limit = Math.min(waiting.length, start + (this.#suspects > 0 ? 1 : maxBatch))
    let bytes = waiting[start]!.record.length
    let end = start + 1
    while (end < limit) {
      bytes += waiting[end]!.record.length
      if (bytes > maxBatchBytes) break
      end++
    }
    if (end === waiting.length) return this.#takeAll()
    this.#next = end
    if (end > MAX_TAKEN && end > waiting.length / 2) {
      this.#waiting = waiting.slice(end)
      this.#next = 0
    }
    return waiting.slice(start, end)
  }

  #takeAll(): PendingExec[] {
    const all = this.#next === 0 ? this.#waiting : this.#waiting.slice(this.#next)
    this.#waiting = []
    this.#next = 0
    return all
  }

  /**
   * Answers what ended and puts back what is to run in the next child.
   *
   * @param start of performance.now()
   * @param suspect whether the batch is one exec that ran alone, since it may have ended a process before
   */
  #settle(batch: PendingExec[], end: RunEnd, start: number, suspect = false): void {
    const { rank, loss } = this.child
    const { outcomes, unfinished, unfinishedLogs } = this.child.verdicts.read()
    const blame =
      end === 'lost' && loss !== undefined
        ? this.#blameOfLoss(batch, outcomes.length, unfinished, loss, suspect)
        : this.#blame(batch, end, outcomes.length, unfinished)
    const { culprit, hurt, again } = blame
    const us = 1_000 * (performance.now() - start)
    // What ended the child ran for nearly all of the time; the others have no share in that.
    const usBefore = culprit === undefined ? us : Math.min(us, 1_000 * this.child.verdicts.endedMs)
    const sharedBy = Math.max(outcomes.length, 1)
    const time = { us: usBefore / sharedBy, sharedBy }
    const own = { us: us - usBefore, sharedBy: 1 }
    this.#execs += batch.length - again.length
    this.#batches++
    if (again.length > 0) this.#waiting = [...again, ...this.#takeAll()]
    for (let i = 0; i < outcomes.length; i++) this.#events.ended(batch[i]!, outcomes[i]!, rank, time)
    if (end === 'done') return
    if (culprit !== undefined) {
      const killed = end === 'lost' && loss !== undefined
      const ending = killed && loss.memory ? 'memory' : end
      this.#events.broke(culprit, ending, unfinishedLogs, rank, own, killed ? loss : undefined, killed)
    }
    for (const exec of hurt) this.#events.broke(exec, end, NO_LOGS, rank, NOT_TIMED, loss, false)
    this.#rebuilding(culprit !== undefined && end === 'lost' && loss?.memory ? 'memory' : end)
  }

  #rebuilding(cause: Ending): void {
    this.#rebuilds[cause]++
    this.#events.rebuilt(this.child.rank, cause)
  }

  /** Where the verdicts are complete: the first exec without an outcome ended the child, if it began. */
  #blame(batch: PendingExec[], end: RunEnd, outcomes: number, unfinished: boolean): Blame {
    if (end === 'done' && outcomes === batch.length) return NO_BLAME
    const blamed = (culprit: PendingExec | undefined): Blame => ({
      culprit,
      hurt: [],
      again: batch.slice(outcomes + (culprit === undefined ? 0 : 1)),
    })
    if (end === 'done') return blamed(undefined)
    if (end !== 'lost' || unfinished) {
      this.#lostIdle = 0
      // Microtasks run after the last verdict. What they end has no culprit: an answer stands, and the next did not begin.
      return blamed(unfinished || outcomes === 0 ? batch[outcomes] : undefined)
    }
    // A worker may end between two batches; no exec is to blame then, unless it happens again and again.
    this.#lostIdle = outcomes === 0 ? this.#lostIdle + 1 : 0
    return blamed(this.#lostIdle > MAX_LOST_IDLE ? batch[outcomes] : undefined)
  }

  /**
   * Where a whole process ended, and the verdicts may be some milliseconds behind. An exec that may have ended the
   * process runs once more with nothing else in the process, and is blamed only if the process ends again. An exec that
   * has called a function of the embedder must not run twice: it is answered with the loss.
   */
  #blameOfLoss(
    batch: PendingExec[],
    outcomes: number,
    unfinished: boolean,
    { culprit, alone, called }: Loss,
    suspect: boolean,
  ): Blame {
    const left = batch.slice(outcomes)
    if (culprit === 'here' && unfinished) return { culprit: left[0]!, hurt: [], again: left.slice(1) }
    const elsewhere = culprit === 'elsewhere'
    if (!elsewhere && alone && left.length === 1) return { culprit: left[0]!, hurt: [], again: [] }
    const repeats = (_: PendingExec, index: number) =>
      (elsewhere || !suspect) && !called.has(outcomes + index)
    const again = left.filter(repeats)
    if (!elsewhere || suspect) this.#suspects += again.length
    return { culprit: undefined, hurt: left.filter((exec, index) => !repeats(exec, index)), again }
  }

  async #lostWhileIdle(): Promise<void> {
    if (this.#busy) return
    this.#busy = true
    this.#rebuilding('lost')
    this.#restarted(await this.#startChild())
    this.#idle()
  }

  /**
   * Where a worker or a process ends while a child starts in it, most often it is not the start that ended it: a worker
   * that is about to end still takes tasks, and others live in the process. The next attempt finds what replaced it.
   */
  #startChild(attempt = 1): StartResult | Promise<StartResult> {
    const result = this.child.start()
    if (!(result instanceof Promise)) return result
    return result.then((settled) => {
      const lost = !settled.ok && settled.code === 'ERR_SIPLET_CHILD_LOST'
      return lost && attempt < START_ATTEMPTS ? this.#startChild(attempt + 1) : settled
    })
  }

  #restarted(result: StartResult): void {
    this.#events.started(this.child.verdicts.read().unfinishedLogs, this.child.rank)
    const { rank } = this.child
    if (result.ok) {
      if (this.#failure !== undefined) this.#events.recovered(rank)
      this.#failure = undefined
      this.#retryMs = FIRST_RETRY_MS
      return
    }
    if (this.#failure === undefined) this.#events.degraded(rank, result)
    this.#failure = result
    this.#retryAt = performance.now() + this.#retryMs
    this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY_MS)
  }

  /** Starts a child that did not come up again, once its back-off is over. The failure where it still does not. */
  #retry(): StartFailure | undefined | Promise<StartFailure | undefined> {
    if (performance.now() < this.#retryAt) return this.#failure
    const result = this.#startChild()
    const settle = (settled: StartResult) => {
      this.#restarted(settled)
      return this.#failure
    }
    return result instanceof Promise ? result.then(settle) : settle(result)
  }

  #idle(): void {
    this.#busy = false
    // Answers may have led to new execs, or runSync may have held up execs that came from within a function.
    if (this.#waitingCount > 0) {
      this.#busy = true
      queueMicrotask(() => this.#drain())
      return
    }
    for (const resolve of this.#whenIdle.splice(0)) resolve()
  }
}

/** Of the execs of a batch that have no outcome. */
interface Blame {
  /** Ended the child. */
  culprit: PendingExec | undefined
  /** Lost with the child, and not to blame. */
  hurt: readonly PendingExec[]
  /** To run in the next child. */
  again: readonly PendingExec[]
}

const NO_BLAME: Blame = { culprit: undefined, hurt: [], again: [] }
const NO_LOGS: Outcome['logs'] = []
const NOT_TIMED: RunTime = { us: 0, sharedBy: 1 }

/** One child, as stats() shows it. */
export interface ChildStats {
  rank: number
  /** `degraded`: it did not come up again after a rebuild; it is tried again with back-off. */
  state: 'idle' | 'busy' | 'degraded'
  /** Execs waiting. */
  queued: number
  execs: number
  /** Crossings into the isolate; execs / batches is the mean size of a batch. */
  batches: number
  /** Rebuilds by cause. */
  rebuilds: Record<Ending, number>
  /** Heap of the isolate, buffers and Python's memory, as of about a second ago: bytes. */
  heapBytes: number
  /** Process the child lives in; null while it has none. */
  pid: number | null
}

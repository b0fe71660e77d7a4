/**
 * What waits for one child, and the loop that feeds it. An idle child gets a message at once; what arrives while
 * it is busy becomes one batch. One exec that ends a child (timeout, memory, a lost worker) is answered with that;
 * the child is rebuilt with its rank and the rest of the batch runs there.
 */
import type { Child, Loss } from '../children/child.ts'
import type { RunTime } from '../exec-result.ts'
import type { RunEnd, StartResult } from '../isolate/host/child.ts'
import { thrownText } from '../shown.ts'
import { checkedStartResult, lostStart } from '../wire/start-result.ts'
import type { Outcome } from '../wire/verdict.ts'
import type { PendingExec } from './pending-exec.ts'

const FIRST_RETRY_MS = 10
const LAST_RETRY_MS = 5_000
const MAX_LOST_IDLE = 3
/** A child that lived for this long before it was lost while idle is started again at once. */
const CALM_MS = 60_000
/** After so many, what the process says of other children is no longer believed: execs run alone, to find which ends it. */
const MAX_LOST_ELSEWHERE = 8
const START_ATTEMPTS = 3
/** Execs that may be kept in front of those that wait. */
const MAX_TAKEN = 1_024

export type Ending = Exclude<RunEnd, 'done'>
export type StartFailure = Extract<StartResult, { ok: false }>

/** What is said of a lost child. */
export type LossCause = Pick<Loss, 'reason' | 'memory'>

/** What a queue tells the engine. Each exec is reported exactly once, through one of the first three. */
export interface QueueEvents {
  /** The method returned or threw. */
  ended(exec: PendingExec, outcome: Outcome, rank: number, time: RunTime): void
  /**
   * The child ended while the exec ran in it, or said something malformed instead of its result. `loss`: what is known of
   * a lost one. `killed`: the exec, and nothing else, can have ended the process that the child lived in.
   */
  broke(
    exec: PendingExec,
    ending: Ending,
    logs: Outcome['logs'],
    rank: number,
    time: RunTime,
    loss: LossCause | undefined,
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
  /** Execs that were sent to the child and are not settled. */
  #underWay: PendingExec[] = []
  #busy = false
  #failure: StartFailure | undefined
  #retryMs = FIRST_RETRY_MS
  /** How often in a row the child was lost before any exec began. */
  #lostIdle = 0
  /** How often in a row the child was lost while nothing ran in it, soon after its start. */
  #lostSoon = 0
  /** When the child last came up: of performance.now(). */
  #upSince = 0
  /** How often in a row the process said that another child ended it, and no exec of this child came to an end. */
  #lostElsewhere = 0
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
    child.onIdleLoss = (unprompted) => this.#lostWhileIdle(unprompted)
  }

  /** Execs waiting or under way. */
  get length(): number {
    return this.#waitingCount + this.#underWay.length
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
    return this.#startChild()
  }

  push(exec: PendingExec): void {
    this.#waiting.push(exec)
    if (this.#busy) return
    this.#busy = true
    // Execs made in one go travel together; nothing is delayed beyond the current job of the event loop.
    this.#drainSoon()
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
    const whole = this.#settle(batch, end, start)
    if (!whole) this.#restarted(this.#startChild() as StartResult)
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

  #drainSoon(): void {
    queueMicrotask(() => this.#drain().catch((error) => this.#gaveUp(error)))
  }

  /** Last resort: something here failed that must not. What waits is answered, and the next exec tries again. */
  #gaveUp(error: unknown): void {
    const failure = lostStart(`the queue of child ${this.child.rank} failed: ${thrownText(error)}`)
    for (const exec of [...this.#underWay.splice(0), ...this.#takeAll()]) {
      try {
        this.#events.refused(exec, failure, this.child.rank)
      } catch {
        // There is nobody left to tell.
      }
    }
    this.#idle()
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
      this.#underWay = batch
      const start = performance.now()
      const running = this.#run(batch, suspect)
      const end = running instanceof Promise ? await running : running
      this.#underWay = []
      const whole = this.#settle(batch, end, start, suspect)
      if (!whole) this.#restarted(await this.#startChild())
    }
    this.#idle()
  }

  /** A run that fails as no run should is a child that is lost. */
  #run(batch: readonly PendingExec[], alone: boolean): RunEnd | Promise<RunEnd> {
    try {
      const running = this.child.run(batch, alone)
      return running instanceof Promise ? running.catch(() => 'lost' as const) : running
    } catch {
      return 'lost'
    }
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
   * Answers what ended and puts back what is to run in the next child. False if that has to be built first.
   *
   * @param start of performance.now()
   * @param suspect whether the batch is one exec that ran alone, since it may have ended a process before
   */
  #settle(batch: PendingExec[], end: RunEnd, start: number, suspect = false): boolean {
    const { rank } = this.child
    const { outcomes, unfinished, unfinishedLogs, endedMs, malformed } = this.child.verdicts.read(
      batch,
      end === 'done',
    )
    const loss = end === 'lost' ? this.child.loss : undefined
    const nonsense = loss === undefined ? this.#nonsense(malformed) : undefined
    const ending = nonsense === undefined ? end : 'lost'
    const { culprit, hurt, again } =
      nonsense !== undefined
        ? blamed(batch, outcomes.length, 1)
        : loss !== undefined
          ? this.#blameOfLoss(batch, outcomes.length, unfinished, loss, suspect)
          : this.#blame(batch, end, outcomes.length, unfinished)
    const us = 1_000 * (performance.now() - start)
    // What ended the child ran for nearly all of the time; the others have no share in that.
    const usBefore = culprit === undefined ? us : Math.min(us, 1_000 * endedMs)
    const sharedBy = Math.max(outcomes.length, 1)
    const time = { us: usBefore / sharedBy, sharedBy }
    const own = { us: us - usBefore, sharedBy: 1 }
    this.#execs += batch.length - again.length
    this.#batches++
    if (again.length > 0) this.#waiting = [...again, ...this.#takeAll()]
    for (let i = 0; i < outcomes.length; i++) this.#events.ended(batch[i]!, outcomes[i]!, rank, time)
    if (ending === 'done') return true
    const cause = culprit !== undefined && loss?.memory ? 'memory' : ending
    if (culprit !== undefined) {
      const killed = loss !== undefined && !loss.malformed
      this.#events.broke(culprit, cause, unfinishedLogs, rank, own, loss ?? nonsense, killed)
    }
    for (const exec of hurt) this.#events.broke(exec, ending, NO_LOGS, rank, NOT_TIMED, loss, false)
    this.#rebuilding(cause)
    return false
  }

  /** Why the child must be taken for lost, however its run ended: something that it said is malformed. */
  #nonsense(malformedResult: string | undefined): LossCause | undefined {
    const { malformed: malformedCall } = this.child
    if (malformedResult !== undefined)
      return { reason: `malformed result: ${malformedResult}`, memory: false }
    return malformedCall === undefined ? undefined : { reason: `malformed: ${malformedCall}`, memory: false }
  }

  #rebuilding(cause: Ending): void {
    this.#rebuilds[cause]++
    this.#events.rebuilt(this.child.rank, cause)
  }

  /** Where the verdicts are complete: the first exec without an outcome ended the child, if it began. */
  #blame(batch: PendingExec[], end: RunEnd, outcomes: number, unfinished: boolean): Blame {
    if (end === 'done' && outcomes === batch.length) return NO_BLAME
    if (end === 'done') return blamed(batch, outcomes, 0)
    if (end !== 'lost' || unfinished) {
      this.#lostIdle = 0
      // Microtasks run after the last verdict. What they end has no culprit: an answer stands, and the next did not begin.
      return blamed(batch, outcomes, unfinished || outcomes === 0 ? 1 : 0)
    }
    // A worker may end between two batches; no exec is to blame then, unless it happens again and again.
    this.#lostIdle = outcomes === 0 ? this.#lostIdle + 1 : 0
    return blamed(batch, outcomes, this.#lostIdle > MAX_LOST_IDLE ? 1 : 0)
  }

  /**
   * Where a whole process ended, and the verdicts may be some milliseconds behind. An exec that may have ended the
   * process runs once more with nothing else in the process, and is blamed only if the process ends again. An exec that
   * has called a function of the embedder must not run twice: it is answered with the loss.
   *
   * Which child ended the process may be a lie of that process. So the same exec is only believed innocent a few times.
   */
  #blameOfLoss(
    batch: PendingExec[],
    outcomes: number,
    unfinished: boolean,
    { culprit, alone, called, malformed }: Loss,
    suspect: boolean,
  ): Blame {
    const left = batch.slice(outcomes)
    if (culprit === 'here' && (unfinished || malformed)) return blamed(batch, outcomes, 1)
    this.#lostElsewhere = outcomes === 0 && culprit === 'elsewhere' ? this.#lostElsewhere + 1 : 0
    const elsewhere = culprit === 'elsewhere' && this.#lostElsewhere <= MAX_LOST_ELSEWHERE
    if (!elsewhere && alone && left.length === 1) return { culprit: left[0]!, hurt: [], again: [] }
    const repeats = (_: PendingExec, index: number) =>
      (elsewhere || !suspect) && !called.has(outcomes + index)
    const again = left.filter(repeats)
    if (!elsewhere || suspect) this.#suspects += again.length
    return { culprit: undefined, hurt: left.filter((exec, index) => !repeats(exec, index)), again }
  }

  async #lostWhileIdle(unprompted: boolean): Promise<void> {
    if (this.#busy) return
    this.#busy = true
    this.#rebuilding('lost')
    // If an exec of another child ended the process, this child must not be refused for that.
    if (unprompted) {
      const livedMs = performance.now() - this.#upSince
      this.#lostSoon = livedMs < CALM_MS ? this.#lostSoon + 1 : 1
    }
    if (unprompted && this.#lostSoon > MAX_LOST_IDLE) this.#backOff()
    else this.#restarted(await this.#startChild())
    this.#idle()
  }

  /** A child that comes up and is lost again would be started without end. An exec that comes after the back-off starts it. */
  #backOff(): void {
    const text = `child ${this.child.rank} was lost ${this.#lostSoon} times in a row while no exec ran`
    const before = this.#lostSoon - MAX_LOST_IDLE - 1
    this.#retryMs = Math.min(FIRST_RETRY_MS * 2 ** before, LAST_RETRY_MS)
    this.#restarted(lostStart(text))
  }

  /**
   * Where a worker or a process ends while a child starts in it, most often it is not the start that ended it: a worker
   * that is about to end still takes tasks, and others live in the process. The next attempt finds what replaced it.
   */
  #startChild(attempt = 1): StartResult | Promise<StartResult> {
    const result = this.child.start()
    if (!(result instanceof Promise)) return this.#started(result)
    return result
      .then(
        (settled) => this.#started(settled),
        (error) => lostStart(`child ${this.child.rank} could not be started: ${thrownText(error)}`),
      )
      .then((settled) => {
        const lost = !settled.ok && settled.code === 'ERR_SIPLET_CHILD_LOST'
        return lost && attempt < START_ATTEMPTS ? this.#startChild(attempt + 1) : settled
      })
  }

  /** What the start came to, checked, and its log lines. */
  #started(result: StartResult): StartResult {
    this.#upSince = performance.now()
    const { unfinishedLogs, malformed } = this.child.verdicts.readStart()
    this.#events.started(unfinishedLogs, this.child.rank)
    const nonsense = this.#nonsense(malformed)
    return nonsense === undefined ? checkedStartResult(result) : lostStart(nonsense.reason)
  }

  #restarted(result: StartResult): void {
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
      this.#drainSoon()
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

/** The first execs without an outcome are to blame for the end of the child: one of them, or none. */
function blamed(batch: readonly PendingExec[], outcomes: number, count: 0 | 1): Blame {
  const culprit = count === 0 ? undefined : batch[outcomes]
  return { culprit, hurt: [], again: batch.slice(outcomes + count) }
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

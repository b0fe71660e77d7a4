/**
 * The queue of one child: the execs that wait, and the loop that sends them to the child. An idle child receives an
 * exec at once. Execs that arrive while the child is busy become the next batch. If an exec ends the isolate
 * (timeout, memory or lost), the queue reports that ending for the exec, rebuilds the child with the same rank and
 * runs the rest of the batch there.
 */
import type { Child, Loss } from '../children/child.ts'
import { debugQueue } from '../debug.ts'
import type { RunTime } from '../exec-result.ts'
import type { RunEnd, StartFailure, StartResult } from '../isolate/host/child-spec.ts'
import { thrownText } from '../shown.ts'
import { checkedStartResult, lostStart } from '../wire/start-result.ts'
import type { Outcome } from '../wire/verdict.ts'
import type { PendingExec } from './pending-exec.ts'

const FIRST_RETRY_MS = 10
const LAST_RETRY_MS = 5_000
const MAX_LOST_IDLE = 3
/** A child that lived at least this long before it was lost while idle is restarted without a back-off. */
const CALM_MS = 60_000
/**
 * After this many losses in a row that the pool process attributes to other children, the queue stops believing the
 * process. From then on execs run alone, until the culprit is found.
 */
const MAX_LOST_ELSEWHERE = 8
const START_ATTEMPTS = 3
/** Upper bound on finished entries kept at the head of the queue before the array is compacted. */
const MAX_FINISHED_ENTRIES = 1_024

export type Ending = Exclude<RunEnd, 'done'>
/** The part of a loss that is reported to the embedder. */
export type LossCause = Pick<Loss, 'reason' | 'memory'>

/** Events of a queue. Each exec is reported exactly once, by `ended`, `broke` or `refused`. */
export interface QueueEvents {
  /** The method returned or threw an error. */
  ended(exec: PendingExec, outcome: Outcome, rank: number, time: RunTime): void
  /**
   * The isolate ended while it ran the exec, or it wrote something malformed instead of the verdict.
   *
   * @param loss details, if the child was lost
   * @param killed whether only this exec can have ended the process that the child lived in
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
  /** The exec was not run, because the child could not be started. */
  refused(exec: PendingExec, failure: StartFailure, rank: number): void
  /** The isolate was started, for the first time or again. `logs` are the log lines of the init functions. */
  started(logs: Outcome['logs'], rank: number): void
  /** The isolate ended. The queue starts a new one next. */
  rebuilt(rank: number, cause: Ending): void
  /** The rebuild failed. The queue tries again after a back-off. */
  degraded(rank: number, failure: StartFailure): void
  /** A degraded child was started successfully. */
  recovered(rank: number): void
}

export interface QueueLimits {
  /** Maximum number of execs in a batch. */
  maxBatch: number
  /** Maximum number of bytes in a batch. A longer record gets a batch of its own. */
  maxBatchBytes: number
}

export class ChildQueue {
  readonly child: Child
  readonly #limits: QueueLimits
  readonly #events: QueueEvents
  /**
   * Waiting execs, from index `#next` on. The index avoids moving all other entries when a batch is taken from the
   * front.
   */
  #waiting: PendingExec[] = []
  #next = 0
  /** Execs that were sent to the child and have no outcome yet. */
  #running: PendingExec[] = []
  #busy = false
  #failure: StartFailure | undefined
  #retryMs = FIRST_RETRY_MS
  /** Number of times in a row that the child was lost before an exec began. */
  #lostIdle = 0
  /** Number of times in a row that the child was lost soon after its start, while no exec ran. */
  #lostSoon = 0
  /** Time of the last start, as returned by performance.now(). */
  #upSince = 0
  /**
   * Number of times in a row that the process attributed its end to another child, while no exec of this child was
   * finished.
   */
  #lostElsewhere = 0
  /** Number of suspects at the head of the queue. Each of them runs alone in the process. */
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

  /** Number of execs, waiting and running. */
  get length(): number {
    return this.#waitingCount + this.#running.length
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
    // Execs that are pushed in the same job of the event loop travel together. Nothing is delayed beyond that job.
    this.#drainSoon()
  }

  /** Runs one exec on the calling thread. Returns false if the child is busy or cannot run synchronously. */
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

  /** Delays execution until `held` resolves. `push` still accepts execs. */
  after(held: Promise<void>): void {
    this.#held = held.then(() => {
      this.#held = undefined
    })
  }

  get isIdle(): boolean {
    return !this.#busy && this.#held === undefined
  }

  /** Resolves when no exec is waiting or running. */
  idle(): Promise<void> {
    if (!this.#busy) return Promise.resolve()
    return new Promise((resolve) => {
      this.#whenIdle.push(resolve)
    })
  }

  #drainSoon(): void {
    queueMicrotask(() => this.#drain().catch((error) => this.#gaveUp(error)))
  }

  /**
   * Handles a failure of the queue itself, which must never happen. All waiting execs are refused, and the next exec
   * tries again.
   */
  #gaveUp(error: unknown): void {
    const failure = lostStart(`the queue of child ${this.child.rank} failed: ${thrownText(error)}`)
    for (const exec of [...this.#running.splice(0), ...this.#takeAll()]) {
      try {
        this.#events.refused(exec, failure, this.child.rank)
      } catch {
        // The event handler failed as well. No other receiver exists for this error.
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
      this.#running = batch
      const start = performance.now()
      const running = this.#run(batch, suspect)
      const end = running instanceof Promise ? await running : running
      this.#running = []
      const whole = this.#settle(batch, end, start, suspect)
      if (!whole) this.#restarted(await this.#startChild())
    }
    this.#idle()
  }

  /** Runs a batch. A run that rejects or throws counts as a lost child. */
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
    if (end > MAX_FINISHED_ENTRIES && end > waiting.length / 2) {
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
   * Reports the finished execs of a batch and puts the execs that must run again back into the queue. Returns false
   * if the child must be rebuilt first.
   *
   * @param start time at which the batch was sent, as returned by performance.now()
   * @param suspect whether the batch is one suspect that ran alone
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
    // The culprit ran for nearly all of the time after the last finished exec. The other execs do not share that
    // time.
    const usBefore = culprit === undefined ? us : Math.min(us, 1_000 * endedMs)
    const sharedBy = Math.max(outcomes.length, 1)
    const time = { us: usBefore / sharedBy, sharedBy }
    const own = { us: us - usBefore, sharedBy: 1 }
    this.#execs += batch.length - again.length
    this.#batches++
    if (debugQueue.enabled) {
      const counts = `${outcomes.length} of ${batch.length} execs have an outcome, ${again.length} run again`
      debugQueue(`child ${rank}: batch ended: ${ending}; ${counts}; ${us.toFixed(0)} µs`)
    }
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

  /**
   * Returns the cause if the isolate wrote something malformed. The child then counts as lost, even if its run ended
   * well.
   */
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

  /** Finds the culprit if all verdicts are available: the first exec without an outcome, if it began. */
  #blame(batch: PendingExec[], end: RunEnd, outcomes: number, unfinished: boolean): Blame {
    if (end === 'done' && outcomes === batch.length) return NO_BLAME
    if (end === 'done') return blamed(batch, outcomes, 0)
    if (end !== 'lost' || unfinished) {
      this.#lostIdle = 0
      // Microtasks run after the last verdict. If a microtask ends the isolate, there is no culprit: the previous
      // exec has its verdict, and the next one did not begin.
      return blamed(batch, outcomes, unfinished || outcomes === 0 ? 1 : 0)
    }
    // A worker can end between two batches. No exec is to blame for that, unless it happens repeatedly.
    this.#lostIdle = outcomes === 0 ? this.#lostIdle + 1 : 0
    return blamed(batch, outcomes, this.#lostIdle > MAX_LOST_IDLE ? 1 : 0)
  }

  /**
   * Finds the culprit after the pool process ended. The verdicts may be some milliseconds old. An exec that may have
   * ended the process becomes a suspect: it runs once more, alone in the process, and is the culprit only if the
   * process ends again. An exec that has called a function of the embedder must not run twice, so it is answered with
   * the loss.
   *
   * The process may lie about which child ended it. For this reason, the queue believes only a limited number of
   * times that the culprit is another child's exec.
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
    // If an exec of another child ended the process, this child must not become degraded because of it.
    if (unprompted) {
      const livedMs = performance.now() - this.#upSince
      this.#lostSoon = livedMs < CALM_MS ? this.#lostSoon + 1 : 1
    }
    if (unprompted && this.#lostSoon > MAX_LOST_IDLE) this.#backOff()
    else this.#restarted(await this.#startChild())
    this.#idle()
  }

  /**
   * Delays the next start of a child that starts and is then lost again and again. Without the delay, it would be
   * restarted endlessly. The first exec after the back-off starts the child.
   */
  #backOff(): void {
    const text = `child ${this.child.rank} was lost ${this.#lostSoon} times in a row while no exec ran`
    const before = this.#lostSoon - MAX_LOST_IDLE - 1
    this.#retryMs = Math.min(FIRST_RETRY_MS * 2 ** before, LAST_RETRY_MS)
    this.#restarted(lostStart(text))
  }

  /**
   * Starts the child, with up to START_ATTEMPTS attempts if the worker or the process ends during the start. In most
   * cases the start is not the cause: a worker that is about to end still accepts tasks, and other children live in
   * the same process. The next attempt uses the replacement.
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

  /** Reports the log lines of a start and returns its result, after a check for malformed data. */
  #started(result: StartResult): StartResult {
    this.#upSince = performance.now()
    const { unfinishedLogs, malformed } = this.child.verdicts.readStart()
    this.#events.started(unfinishedLogs, this.child.rank)
    const nonsense = this.#nonsense(malformed)
    return nonsense === undefined ? checkedStartResult(result) : lostStart(nonsense.reason)
  }

  #restarted(result: StartResult): void {
    const { rank } = this.child
    if (debugQueue.enabled) debugQueue(`child ${rank}: started again: ${result.ok ? 'ok' : result.code}`)
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

  /** Starts a degraded child if its back-off is over. Returns the failure if the child is still degraded. */
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
    // Event handlers may have pushed new execs, and runSync may have delayed execs that a function pushed.
    if (this.#waitingCount > 0) {
      this.#busy = true
      this.#drainSoon()
      return
    }
    for (const resolve of this.#whenIdle.splice(0)) resolve()
  }
}

/** How the execs of a batch without an outcome are treated. */
interface Blame {
  /** The exec that ended the isolate. */
  culprit: PendingExec | undefined
  /** Execs that were lost with the child without being the culprit, and must not run again. */
  hurt: readonly PendingExec[]
  /** Execs that run again in the new isolate. */
  again: readonly PendingExec[]
}

/** Blames the first `count` execs without an outcome: one or none. */
function blamed(batch: readonly PendingExec[], outcomes: number, count: 0 | 1): Blame {
  const culprit = count === 0 ? undefined : batch[outcomes]
  return { culprit, hurt: [], again: batch.slice(outcomes + count) }
}

const NO_BLAME: Blame = { culprit: undefined, hurt: [], again: [] }
const NO_LOGS: Outcome['logs'] = []
const NOT_TIMED: RunTime = { us: 0, sharedBy: 1 }

/** State of one child, as returned by stats(). */
export interface ChildStats {
  rank: number
  /** `degraded`: the rebuild failed; the queue tries again after a back-off. */
  state: 'idle' | 'busy' | 'degraded'
  /** Number of waiting execs. */
  queued: number
  execs: number
  /** Number of crossings into the isolate. execs / batches is the mean batch size. */
  batches: number
  /** Number of rebuilds by ending. */
  rebuilds: Record<Ending, number>
  /**
   * Size of the isolate's heap, its buffers and Python's memory, in bytes. The value is up to about one second old.
   */
  heapBytes: number
  /** Id of the process that the child lives in; null if there is no such process at the moment. */
  pid: number | null
}

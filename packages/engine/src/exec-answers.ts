/** Turns what happened to an exec into its result, and counts, logs and times it. */
import type { Limits } from './config.ts'
import type { Ending, LossCause } from './dispatch/child-queue.ts'
import type { PendingExec } from './dispatch/pending-exec.ts'
import { Poison } from './dispatch/poison.ts'
import { type ErrorCode, SipletError } from './errors.ts'
import type { ExecArguments } from './exec-arguments.ts'
import { ExecResult, type RunTime } from './exec-result.ts'
import type { EngineMetrics } from './metrics.ts'
import type { ScriptErrors } from './script/script-errors.ts'
import type { ScriptLog } from './script-log.ts'
import { EngineCounters } from './stats.ts'
import type { LogLine, Outcome } from './wire/verdict.ts'

const UNDECIDED = { code: -1, dstUri: null, splices: [], logs: [] as readonly LogLine[] }
const NOT_RUN: RunTime = { us: 0, sharedBy: 1 }

export class ExecAnswers {
  readonly counters = new EngineCounters()
  readonly poison = new Poison()
  readonly #limits: Limits
  readonly #log: ScriptLog
  readonly #metrics: EngineMetrics
  #waiting = 0
  #waitingBytes = 0

  constructor(limits: Limits, log: ScriptLog, metrics: EngineMetrics) {
    this.#limits = limits
    this.#log = log
    this.#metrics = metrics
  }

  /** Number of accepted execs without a result. */
  get waiting(): number {
    return this.#waiting
  }

  /** Total size of the records of these execs, in bytes. */
  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** Counts an exec as waiting. {@link answer} or {@link leaves} ends that. */
  accepted({ record }: PendingExec): void {
    this.#waiting++
    this.#waitingBytes += record.length
  }

  /** Takes back {@link accepted}, for an exec that gets no result from here. */
  leaves({ record }: PendingExec): void {
    this.#waiting--
    this.#waitingBytes -= record.length
  }

  /** Returns the result of an exec that was refused before it was accepted. */
  refusal({ message }: ExecArguments, code: ErrorCode, text: string): ExecResult {
    this.counters.refused(code)
    const error = withoutStack(() => new SipletError(code, text))
    return new ExecResult(message, { ...UNDECIDED, error }, 0, NOT_RUN)
  }

  answer(exec: PendingExec, result: ExecResult): void {
    this.leaves(exec)
    this.counters.answered(exec.method, result)
    this.#metrics.answered(performance.now() - exec.at)
    exec.answer(result)
  }

  /** Answers an exec that did not run. */
  fail(exec: PendingExec, error: SipletError, rank: number): void {
    this.answer(exec, failed(exec, error, rank, NOT_RUN, UNDECIDED.logs))
  }

  /** Answers an exec that ran to its end. */
  ended(exec: PendingExec, written: Outcome, rank: number, time: RunTime, errors: ScriptErrors): void {
    const logs = errors.mapLogs(written.logs)
    const outcome = logs === written.logs ? written : { ...written, logs }
    this.#log.lines(logs, rank, exec)
    if (outcome.error === null) {
      this.answer(exec, new ExecResult(exec.message, outcome as Outcome & { error: null }, rank, time))
      return
    }
    const { code, message, stack } = outcome.error
    const error = new SipletError(code, message, {
      rank,
      stack: errors.mapStack(stack) || `${code}: ${message}`,
    })
    this.#log.error(error, rank, exec)
    this.answer(exec, new ExecResult(exec.message, { ...outcome, error }, rank, time))
  }

  /** Answers an exec during which the isolate ended. */
  broke(
    exec: PendingExec,
    ending: Ending,
    logs: readonly LogLine[],
    rank: number,
    time: RunTime,
    loss: LossCause | undefined,
    killed: boolean,
  ): void {
    const because = loss === undefined ? '' : ` (${loss.reason})`
    const { timeoutMs, memoryMb } = this.#limits
    const [code, message] = {
      timeout: ['ERR_SIPLET_TIMEOUT', `${exec.method}() ran longer than limits.timeoutMs (${timeoutMs} ms)`],
      memory: [
        'ERR_SIPLET_MEMORY',
        loss?.memory
          ? `${exec.method}() filled the memory of its process${because}`
          : `${exec.method}() reached limits.memoryMb (${memoryMb} MiB)`,
      ],
      lost: ['ERR_SIPLET_CHILD_LOST', `child ${rank} ended while ${exec.method}() ran${because}`],
    }[ending] as [ErrorCode, string]
    if (killed) this.poison.killed(exec.method, exec.message.text)
    const error = new SipletError(code, `${message}; the child was rebuilt`, {
      rank,
      stack: `${code}: ${message}`,
    })
    this.#log.lines(logs, rank, exec)
    this.#log.error(error, rank, exec)
    this.answer(exec, failed(exec, error, rank, time, logs))
  }
}

/**
 * The place of a refused call does not help anybody, and under overload the stack would be most of the cost of a
 * refusal.
 */
function withoutStack<T>(make: () => T): T {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return make()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

function failed(
  exec: PendingExec,
  error: SipletError,
  rank: number,
  time: RunTime,
  logs: readonly LogLine[],
): ExecResult {
  return new ExecResult(exec.message, { ...UNDECIDED, logs, error }, rank, time)
}

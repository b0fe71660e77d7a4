import type { PendingExec } from '../dispatch/pending-exec.ts'
import type { RunEnd, StartResult } from '../isolate/host/child-spec.ts'
import type { VerdictReader } from '../wire/verdict-reader.ts'

/** One child of the engine. Each isolation implements this interface. A child never has two callers at once. */
export interface Child {
  readonly rank: number
  /**
   * Builds the isolate and runs the init functions. Also rebuilds the isolate after a run that did not end as `done`.
   */
  start(): StartResult | Promise<StartResult>
  /**
   * Runs one batch: one crossing. Afterwards `verdicts` contains the verdicts of the execs that ended
   * (wire/verdict.ts).
   *
   * @param alone whether nothing else may run in the pool process at the same time; ignored without a pool process
   */
  run(batch: readonly PendingExec[], alone?: boolean): RunEnd | Promise<RunEnd>
  /** Runs one batch on the calling thread. Only isolation `inline` provides this method. */
  runSync?(batch: readonly PendingExec[]): RunEnd
  readonly verdicts: VerdictReader
  /**
   * Id of the process that the child lives in, if it is not this process. Undefined while there is no such process.
   */
  readonly pid?: number | undefined
  /**
   * Description of malformed data from the isolate in the last run, other than verdicts. The child must then be
   * rebuilt.
   */
  readonly malformed?: string | undefined
  /** Details of the last run that ended as `lost`, if the child lives in a pool process. */
  readonly loss?: Loss | undefined
  /**
   * Called if the child is lost while no run is in progress. `unprompted` is true if no exec ran in its process
   * either.
   */
  onIdleLoss?: ((unprompted: boolean) => void) | undefined
  close(): Promise<void>
}

/** How a child was lost together with its pool process. The verdicts may be some milliseconds old. */
export interface Loss {
  /** Why the process ended, as text. */
  readonly reason: string
  /** Whether the process had reached its memory limit. */
  readonly memory: boolean
  /** Whether the process was ended because it sent malformed data. No message is refused because of that. */
  readonly malformed: boolean
  /** Whether an exec of this child ended the process. That exec is the one that began and has no verdict. */
  readonly culprit: 'here' | 'elsewhere' | 'unknown'
  /** Whether no other child was running or starting in the process. */
  readonly alone: boolean
  /** Indexes in the batch of the execs that called a function of the embedder. */
  readonly called: ReadonlySet<number>
}

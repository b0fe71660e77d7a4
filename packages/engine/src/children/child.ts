import type { PendingExec } from '../dispatch/pending-exec.ts'
import type { RunEnd, StartResult } from '../isolate/host/child.ts'
import type { VerdictReader } from '../wire/verdict.ts'

/** One rank of the engine, wherever its isolate lives. Never used by two callers at once. */
export interface Child {
  readonly rank: number
  /** Builds the isolate and runs the init functions; also rebuilds it after a run that was not `done`. */
  start(): StartResult | Promise<StartResult>
  /** One crossing. The verdicts of as many execs as ended stand in `verdicts` afterwards; see wire/verdict.ts. */
  run(batch: readonly PendingExec[]): RunEnd | Promise<RunEnd>
  /** The same on the calling thread. Only isolation `inline` has it. */
  runSync?(batch: readonly PendingExec[]): RunEnd
  readonly verdicts: VerdictReader
  /** The process it lives in, where that is not this one; undefined while there is none. */
  readonly pid?: number | undefined
  /**
   * How much the verdicts tell after the child was lost: `late` where they may be some milliseconds behind, and so
   * nothing at all of a short batch. Otherwise all.
   */
  readonly marks?: 'late'
  /** Why the child was lost last, where that is known. */
  readonly lostBecause?: string | undefined
  /** Called where the child is lost while nobody waits for it. */
  onIdleLoss?: (() => void) | undefined
  close(): Promise<void>
}

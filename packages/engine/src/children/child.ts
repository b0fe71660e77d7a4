import type { PendingExec } from '../dispatch/pending-exec.ts'
import type { RunEnd, StartResult } from '../isolate/child.ts'
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
  close(): Promise<void>
}

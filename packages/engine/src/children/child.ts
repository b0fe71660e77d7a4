import type { PendingExec } from '../dispatch/pending-exec.ts'
import type { RunEnd, StartResult } from '../isolate/host/child.ts'
import type { VerdictReader } from '../wire/verdict-reader.ts'

/** One rank of the engine, wherever its isolate lives. Never used by two callers at once. */
export interface Child {
  readonly rank: number
  /** Builds the isolate and runs the init functions; also rebuilds it after a run that was not `done`. */
  start(): StartResult | Promise<StartResult>
  /**
   * One crossing. The verdicts of as many execs as ended stand in `verdicts` afterwards; see wire/verdict.ts.
   *
   * @param alone nothing else may run in the process of the child meanwhile, where that is not this one
   */
  run(batch: readonly PendingExec[], alone?: boolean): RunEnd | Promise<RunEnd>
  /** The same on the calling thread. Only isolation `inline` has it. */
  runSync?(batch: readonly PendingExec[]): RunEnd
  readonly verdicts: VerdictReader
  /** The process it lives in, where that is not this one; undefined while there is none. */
  readonly pid?: number | undefined
  /** What the isolate said in the last run that it cannot have to say, its verdicts aside. That child must be rebuilt. */
  readonly malformed?: string | undefined
  /** Of the last run that was `lost`, where the child lives in another process. */
  readonly loss?: Loss | undefined
  /** Called if the child is lost while nobody waits for it; `unprompted`: and no exec ran in its process. */
  onIdleLoss?: ((unprompted: boolean) => void) | undefined
  close(): Promise<void>
}

/** How a child was lost together with the process it lived in. Its verdicts may be some milliseconds behind then. */
export interface Loss {
  /** Why the process ended, in words. */
  readonly reason: string
  /** The process had reached its memory limit. */
  readonly memory: boolean
  /** The process was ended since it said what it cannot have to say: nothing that it ran is to be refused for that. */
  readonly malformed: boolean
  /** Whether an exec of this child ended the process: the one that the verdicts show as begun and not ended. */
  readonly culprit: 'here' | 'elsewhere' | 'unknown'
  /** No other child was running or starting in the process. */
  readonly alone: boolean
  /** Places in the batch of the execs that called a function of the embedder. */
  readonly called: ReadonlySet<number>
}

import type { SIPMessage } from '@siplet/sipmsg'
import type { ExecResult } from '../exec-result.ts'
import type { Address, Route } from '../wire/request.ts'

/** An exec from its call to its result. */
export interface PendingExec {
  readonly method: string
  /** The message as the embedder passed it. It is never edited; code that edits works on a copy. */
  readonly message: SIPMessage
  readonly route: Route
  readonly src: Address
  readonly dst: Address
  /** Value that is passed to the functions that the script calls. */
  readonly context: unknown
  /** The exec as a record (wire/request.ts). */
  readonly record: string
  /** Time at which the exec was accepted, as returned by performance.now(). */
  readonly at: number
  /** Delivers the result. Called once. */
  readonly answer: (result: ExecResult) => void
}

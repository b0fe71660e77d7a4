import type { SIPMessage } from '@siplet/sipmsg'
import type { ExecResult } from '../exec-result.ts'
import type { Address, Route } from '../wire/request.ts'

/** An exec from its call to its answer. */
export interface PendingExec {
  readonly method: string
  /** The message as handed in. Nobody edits it: what works on it makes a copy. */
  readonly message: SIPMessage
  readonly route: Route
  readonly src: Address
  readonly dst: Address
  /** For the functions that the script calls. */
  readonly context: unknown
  /** Its record on the wire; see wire/request.ts. */
  readonly record: string
  /** When it was accepted, of performance.now(). */
  readonly at: number
  /** Takes the answer, once. */
  readonly answer: (result: ExecResult) => void
}

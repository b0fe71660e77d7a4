/** Counters of an engine. */
import type { ChildStats } from './dispatch/child-queue.ts'
import type { ErrorCode } from './errors.ts'
import type { ExecResult } from './exec-result.ts'

export interface EngineStats {
  /** Execs answered by a child. */
  execs: number
  /** Answers by verdict; an exec with an error counts as false. */
  verdicts: { true: number; false: number; stop: number }
  /** Answers with an error, by code; refusals (overload, not SIP, closed) included. */
  errors: Partial<Record<ErrorCode, number>>
  children: ChildStats[]
}

export class EngineCounters {
  #execs = 0
  readonly #verdicts = { true: 0, false: 0, stop: 0 }
  readonly #errors: Partial<Record<ErrorCode, number>> = {}

  /** An exec was answered by a child, or could not be by any. */
  answered({ verdict, error }: ExecResult): void {
    this.#execs++
    this.#verdicts[verdict]++
    if (error !== null) this.refused(error.code)
  }

  /** An exec did not get as far as a child. */
  refused(code: ErrorCode): void {
    this.#errors[code] = (this.#errors[code] ?? 0) + 1
  }

  stats(children: ChildStats[]): EngineStats {
    return { execs: this.#execs, verdicts: { ...this.#verdicts }, errors: { ...this.#errors }, children }
  }
}

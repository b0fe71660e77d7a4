/** Counters of an engine. */
import type { ChildStats, Ending } from './dispatch/child-queue.ts'
import type { ErrorCode } from './errors.ts'
import type { ExecResult } from './exec-result.ts'

export interface EngineStats {
  /** Execs answered by a child. */
  execs: number
  /** Answers by verdict; an exec with an error counts as false. */
  verdicts: Verdicts
  /** The same, by method. */
  methods: Record<string, Verdicts>
  /** Answers with an error, by code; refusals (overload, not SIP, closed) included. */
  errors: Partial<Record<ErrorCode, number>>
  /** Rebuilds by cause, over all generations of children. */
  rebuilds: Record<Ending, number>
  reloads: { done: number; failed: number }
  /** Log lines of scripts beyond limits.maxLogLines. */
  logLinesDropped: number
  children: ChildStats[]
}

export interface Verdicts {
  true: number
  false: number
  stop: number
}

/** Methods with counters of their own. Their names are the embedder's, but may come from a configuration of its users. */
const MAX_METHODS = 100
const OTHER_METHODS = '(other)'

export class EngineCounters {
  #execs = 0
  readonly #verdicts: Verdicts = { true: 0, false: 0, stop: 0 }
  readonly #methods = new Map<string, Verdicts>()
  readonly #errors: Partial<Record<ErrorCode, number>> = {}
  readonly #rebuilds: Record<Ending, number> = { timeout: 0, memory: 0, lost: 0 }
  readonly #reloads = { done: 0, failed: 0 }

  /** An exec was answered by a child, or could not be by any. */
  answered(method: string, { verdict, error }: ExecResult): void {
    this.#execs++
    this.#verdicts[verdict]++
    this.#ofMethod(method)[verdict]++
    if (error !== null) this.refused(error.code)
  }

  /** An exec did not get as far as a child. */
  refused(code: ErrorCode): void {
    this.#errors[code] = (this.#errors[code] ?? 0) + 1
  }

  rebuilt(cause: Ending): void {
    this.#rebuilds[cause]++
  }

  reloaded(done: boolean): void {
    this.#reloads[done ? 'done' : 'failed']++
  }

  /** Number of the generation that serves, from 1. */
  get generation(): number {
    return this.#reloads.done + 1
  }

  stats(children: ChildStats[], logLinesDropped: number): EngineStats {
    return {
      execs: this.#execs,
      verdicts: { ...this.#verdicts },
      methods: Object.fromEntries([...this.#methods].map(([name, verdicts]) => [name, { ...verdicts }])),
      errors: { ...this.#errors },
      rebuilds: { ...this.#rebuilds },
      reloads: { ...this.#reloads },
      logLinesDropped,
      children,
    }
  }

  #ofMethod(method: string): Verdicts {
    const known = this.#methods.get(method)
    if (known !== undefined) return known
    const verdicts = { true: 0, false: 0, stop: 0 }
    if (this.#methods.size >= MAX_METHODS && method !== OTHER_METHODS) return this.#ofMethod(OTHER_METHODS)
    this.#methods.set(method, verdicts)
    return verdicts
  }
}

/** Counters of an engine. */
import type { ChildStats, Ending } from './dispatch/child-queue.ts'
import type { ErrorCode } from './errors.ts'
import type { ExecResult } from './exec-result.ts'

export interface EngineStats {
  /** Number of execs that a child answered. */
  execs: number
  /** Number of results by verdict. An exec with an error counts as false. */
  verdicts: Verdicts
  /** The same numbers by method. */
  methods: Record<string, Verdicts>
  /** Number of results with an error, by code. Includes refusals (overload, not SIP, closed). */
  errors: Partial<Record<ErrorCode, number>>
  /** Number of rebuilds by ending, over all generations. */
  rebuilds: Record<Ending, number>
  reloads: { done: number; failed: number }
  /** Number of log lines dropped because of limits.maxLogLines. */
  logLinesDropped: number
  children: ChildStats[]
}

export interface Verdicts {
  true: number
  false: number
  stop: number
}

/**
 * Maximum number of methods with counters of their own. The embedder chooses the names, but may take them from users.
 */
const MAX_METHODS = 100
const OTHER_METHODS = '(other)'

export class EngineCounters {
  #execs = 0
  readonly #verdicts: Verdicts = { true: 0, false: 0, stop: 0 }
  readonly #methods = new Map<string, Verdicts>()
  readonly #errors: Partial<Record<ErrorCode, number>> = {}
  readonly #rebuilds: Record<Ending, number> = { timeout: 0, memory: 0, lost: 0 }
  readonly #reloads = { done: 0, failed: 0 }

  /** Counts a result from a child, or of an exec that no child could run. */
  answered(method: string, { verdict, error }: ExecResult): void {
    this.#execs++
    this.#verdicts[verdict]++
    this.#ofMethod(method)[verdict]++
    if (error !== null) this.refused(error.code)
  }

  /** Counts an exec that was refused before it reached a child. */
  refused(code: ErrorCode): void {
    this.#errors[code] = (this.#errors[code] ?? 0) + 1
  }

  rebuilt(cause: Ending): void {
    this.#rebuilds[cause]++
  }

  reloaded(done: boolean): void {
    this.#reloads[done ? 'done' : 'failed']++
  }

  /** Number of the current generation, starting at 1. */
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

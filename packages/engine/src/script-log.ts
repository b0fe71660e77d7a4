/** What scripts log, and the errors they make, on the embedder's logger; repeated errors with a rate limit. */
import type { Logger } from './config.ts'
import type { PendingExec } from './dispatch/pending-exec.ts'
import type { SipletError } from './errors.ts'
import type { LogLevel, LogLine } from './wire/verdict.ts'

/** An error that was logged is not logged again for this long; the next line tells how many there were. */
const QUIET_MS = 10_000
const MAX_REMEMBERED = 1_000

const METHODS: Record<LogLevel, keyof Logger> = {
  ALERT: 'fatal',
  CRIT: 'fatal',
  ERR: 'error',
  WARN: 'warn',
  NOTICE: 'info',
  INFO: 'info',
  DBG: 'debug',
}

export class ScriptLog {
  readonly #logger: Logger
  readonly #seen = new Map<string, { at: number; suppressed: number }>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Lines of LM_* and console. */
  lines(lines: readonly LogLine[], rank: number, exec?: PendingExec): void {
    for (let i = 0; i < lines.length; i++) {
      const { level, text } = lines[i]!
      this.#logger[METHODS[level]]({ rank, ...context(exec) }, text)
    }
  }

  /** An exec without a return value. */
  error(error: SipletError, rank: number, exec: PendingExec): void {
    const key = `${error.code} ${exec.method} ${error.message}`
    const now = performance.now()
    const seen = this.#seen.get(key)
    if (seen !== undefined && now - seen.at < QUIET_MS) {
      seen.suppressed++
      return
    }
    if (this.#seen.size >= MAX_REMEMBERED) this.#seen.clear()
    this.#seen.set(key, { at: now, suppressed: 0 })
    const suppressed = seen?.suppressed ? { suppressed: seen.suppressed } : {}
    this.#logger.error(
      { rank, code: error.code, ...context(exec), ...suppressed, stack: error.stack },
      `${exec.method}: ${error.message}`,
    )
  }
}

function context(exec: PendingExec | undefined): object {
  return exec === undefined ? {} : { method: exec.method, callId: exec.message.callId }
}

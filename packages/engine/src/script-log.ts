/**
 * Writes the log lines and errors of scripts to the embedder's logger, and limits the rate of repeated errors. The
 * logger gets text as data: control characters are escaped, line feeds are kept. A logger that writes plain lines
 * must prevent that a text begins a line that looks like an entry. pino's JSON prevents that; our commands indent
 * continuation lines.
 */
import type { Logger } from './config.ts'
import type { PendingExec } from './dispatch/pending-exec.ts'
import type { SipletError } from './errors.ts'
import { printable, printableLines } from './printable.ts'
import type { LogLevel, LogLine } from './wire/verdict.ts'

/**
 * Time for which an error that was logged is not logged again, in milliseconds. The next line reports the number of
 * repetitions.
 */
const QUIET_MS = 10_000
const MAX_REMEMBERED = 1_000

/** The pino method for each level. Other levels cannot occur, because verdict-reader.ts treats them as malformed. */
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
  readonly #maxLines: number
  #secondStart = 0
  #linesThisSecond = 0
  #droppedThisSecond = 0
  #dropped = 0

  /** @param maxLines maximum number of script lines per second; further lines are dropped and counted */
  constructor(logger: Logger, maxLines: number) {
    this.#logger = logger
    this.#maxLines = maxLines
  }

  /** Number of lines dropped because of the rate limit or a failing logger. */
  get dropped(): number {
    return this.#dropped
  }

  /** Logs a problem that the author of the script should know about. */
  warning(text: string): void {
    this.#write('warn', {}, printableLines(text))
  }

  /** Logs a failure in code of the embedder. */
  failure(text: string): void {
    this.#write('error', {}, printableLines(text))
  }

  /** Writes one entry. If the logger fails, the entry is lost; the exec must not be lost with it. */
  #write(level: keyof Logger, fields: object, text: string): void {
    try {
      const written: unknown = this.#logger[level](fields, text)
      // The logger is asynchronous and may reject.
      if (written instanceof Promise) written.catch(() => this.#dropped++)
    } catch {
      this.#dropped++
    }
  }

  /** Logs that a rebuild failed. */
  degraded(error: SipletError, rank: number): void {
    this.#write(
      'error',
      { rank, code: error.code, stack: error.stack },
      printableLines(`degraded: ${error.message}`),
    )
  }

  /**
   * Logs the lines of LM_* and console. Scripts for OpenSIPS end a line with a newline; the logger adds its own, so
   * this one is removed.
   */
  lines(lines: readonly LogLine[], rank: number, exec?: PendingExec): void {
    for (let i = 0; i < lines.length; i++) {
      const { level, text } = lines[i]!
      if (!this.#takes()) continue
      this.#write(METHODS[level], { rank, ...context(exec) }, printableLines(text.replace(/\r?\n$/, '')))
    }
  }

  /** Returns whether one more line may be written. Reports once per second how many were dropped. */
  #takes(): boolean {
    const now = performance.now()
    if (now - this.#secondStart >= 1_000) {
      if (this.#droppedThisSecond > 0) {
        this.#write(
          'warn',
          { code: 'ERR_SIPLET_LOG_RATE', dropped: this.#droppedThisSecond },
          `${this.#droppedThisSecond} log lines of the script were dropped: limits.maxLogLines is ${this.#maxLines} a second`,
        )
      }
      this.#secondStart = now
      this.#linesThisSecond = this.#droppedThisSecond = 0
    }
    if (this.#linesThisSecond < this.#maxLines) {
      this.#linesThisSecond++
      return true
    }
    this.#droppedThisSecond++
    this.#dropped++
    return false
  }

  /** Logs the error of an exec. */
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
    this.#write(
      'error',
      { rank, code: error.code, ...context(exec), ...suppressed, stack: error.stack },
      printableLines(`${exec.method}: ${error.message}`),
    )
  }
}

function context(exec: PendingExec | undefined): object {
  return exec === undefined ? {} : { method: printable(exec.method), callId: shown(exec.message.callId) }
}

function shown(text: string | null): string | null {
  return text === null ? null : printable(text)
}

/**
 * What scripts log, and the errors they make, on the embedder's logger; repeated errors with a rate limit. The logger gets
 * text as data: control characters are escaped, line feeds stay. Whoever writes lines must keep a text from beginning one
 * that looks like an entry: pino's JSON does, and the commands indent further lines.
 */
import type { Logger } from './config.ts'
import type { PendingExec } from './dispatch/pending-exec.ts'
import type { SipletError } from './errors.ts'
import { printable, printableLines } from './printable.ts'
import type { LogLevel, LogLine } from './wire/verdict.ts'

/** An error that was logged is not logged again for this long; the next line tells how many there were. */
const QUIET_MS = 10_000
const MAX_REMEMBERED = 1_000

/** A level can only be one of these: verdict-reader.ts takes any other for malformed. */
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

  /** @param maxLines lines of scripts a second; more are dropped and counted */
  constructor(logger: Logger, maxLines: number) {
    this.#logger = logger
    this.#maxLines = maxLines
  }

  /** Lines dropped so far, by their rate or since the logger failed. */
  get dropped(): number {
    return this.#dropped
  }

  /** What the author of a script should know. */
  warning(text: string): void {
    this.#write('warn', {}, printableLines(text))
  }

  /** Something of the embedder failed. */
  failure(text: string): void {
    this.#write('error', {}, printableLines(text))
  }

  /** A logger that fails loses the line; an exec must not be lost with it. */
  #write(level: keyof Logger, fields: object, text: string): void {
    try {
      const written: unknown = this.#logger[level](fields, text)
      // A logger that is asynchronous after all.
      if (written instanceof Promise) written.catch(() => this.#dropped++)
    } catch {
      this.#dropped++
    }
  }

  /** A child does not come up again. */
  degraded(error: SipletError, rank: number): void {
    this.#write(
      'error',
      { rank, code: error.code, stack: error.stack },
      printableLines(`degraded: ${error.message}`),
    )
  }

  /** Lines of LM_* and console; the newline that scripts for OpenSIPS end them with is the logger's to write. */
  lines(lines: readonly LogLine[], rank: number, exec?: PendingExec): void {
    for (let i = 0; i < lines.length; i++) {
      const { level, text } = lines[i]!
      if (!this.#takes()) continue
      this.#write(METHODS[level], { rank, ...context(exec) }, printableLines(text.replace(/\r?\n$/, '')))
    }
  }

  /** Whether one more line may be written; tells once a second how many were not. */
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

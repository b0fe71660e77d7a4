/**
 * Child → engine: the verdicts of a batch. The isolate writes them into shared memory (the area), so nothing has to
 * be sent back. Committed verdicts outlive the isolate: after a timeout or a memory limit, the verdicts before the
 * culprit are still available, and their number identifies the culprit.
 *
 *   area    = i32 bytes of committed records, i32 execs begun, i32 KiB of heap, i32 ms until the last exec ended, records
 *   record  = verdict | log
 *   verdict = u8 1, u8 flags, i32 code, [next hop], [edits], [error]      flags: 1 next hop, 2 edits, 4 error
 *   next hop = text;  edits = u32 count, count * (u32 start, u32 end, text);  error = u8 index in ERROR_CODES, text, text
 *   log     = u8 2, u8 level (index in LOG_LEVELS), text
 *   text    = u32 length, bytes (UTF-8, or message bytes in edits)
 *
 * Log lines precede the verdict of their exec. An exec that began and has no verdict did not end. The host reads the
 * area with verdict-reader.ts, which trusts none of these rules.
 */
import type { Splice } from '@siplet/sipmsg'
import type { ErrorCode } from '../errors.ts'
import { takeShared } from './shared-memory.ts'

/** Offset of the first record in bytes, then the indexes of the numbers in the head, for an Int32Array. */
export const RECORDS_START = 16
export const COMMITTED = 0
export const BEGUN = 1
export const HEAP = 2
export const ENDED_MS = 3

export const KIND_VERDICT = 1
export const KIND_LOG = 2
export const FLAG_DST = 1
export const FLAG_EDITS = 2
export const FLAG_ERROR = 4

/** Error codes that an isolate can return for an exec. */
export const ERROR_CODES = [
  'ERR_SIPLET_SCRIPT',
  'ERR_SIPLET_METHOD_NOT_FOUND',
  'ERR_SIPLET_RETURN_TYPE',
  'ERR_SIPLET_RESULT_TOO_LARGE',
  'ERR_SIPLET_STACK',
  'ERR_SIPLET_CALL_FUNCTION_LIMIT',
] as const satisfies readonly ErrorCode[]

/** Levels from syslog's LOG_ALERT to LOG_DEBUG, with the names of the LM_* functions. */
export const LOG_LEVELS = ['ALERT', 'CRIT', 'ERR', 'WARN', 'NOTICE', 'INFO', 'DBG'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/**
 * Error of an exec. All texts are one-byte text; `message` and `stack` contain UTF-8, and so does `dstUri` of a
 * verdict.
 */
export interface VerdictError {
  code: (typeof ERROR_CODES)[number]
  message: string
  stack: string
}

export interface Verdict {
  code: number
  dstUri: string | null
  splices: readonly Splice[]
  error: VerdictError | null
}

export interface LogLine {
  level: LogLevel
  text: string
}

/** A verdict with the log lines of its exec. */
export interface Outcome extends Verdict {
  logs: readonly LogLine[]
}

/** Size of an area in bytes: several times the largest result, and at least 1 MiB. */
export function areaBytes(maxResultBytes: number): number {
  return RECORDS_START + Math.max(1 << 20, 4 * maxResultBytes)
}

/** Creates an area. */
export function createVerdictArea(maxResultBytes: number): SharedArrayBuffer {
  const area = takeShared(areaBytes(maxResultBytes))
  new Int32Array(area, 0, ENDED_MS + 1).fill(0)
  return area
}

/** Writes the size of the isolate's heap into the area, in KiB. */
export function writeHeap(area: SharedArrayBuffer, kibibytes: number): void {
  new Int32Array(area, 0, HEAP + 1)[HEAP] = kibibytes
}

/** Resets the head of the area. Must be called while the isolate is not running. */
export function clearArea(area: SharedArrayBuffer): void {
  const head = new Int32Array(area, 0, ENDED_MS + 1)
  head.fill(0, COMMITTED, BEGUN + 1)
  head[ENDED_MS] = 0
}

class AreaFull extends Error {}

/** The isolate's side: writes verdicts and log lines into the area. */
export class VerdictWriter {
  readonly #bytes: Uint8Array
  /** The head of the area, by the indexes above. */
  readonly #head: Int32Array
  readonly #maxResultBytes: number
  #at = RECORDS_START
  #committed = RECORDS_START
  /** Upper bound of the offsets that the current exec may write to. */
  #limit: number

  constructor(area: SharedArrayBuffer, maxResultBytes: number) {
    this.#bytes = new Uint8Array(area)
    this.#head = new Int32Array(area, 0, ENDED_MS + 1)
    this.#maxResultBytes = maxResultBytes
    this.#limit = this.#bytes.length
  }

  /** Prepares for the next batch. */
  start(): void {
    this.#at = this.#committed = RECORDS_START
    this.#head[COMMITTED] = this.#head[BEGUN] = this.#head[ENDED_MS] = 0
    this.#limit = this.#bytes.length
  }

  /** Records the time from the start of the batch to the end of the last exec, in milliseconds. */
  endedAt(ms: number): void {
    this.#head[ENDED_MS] = ms
  }

  /** Records that an exec begins. */
  begin(): void {
    this.#limit = this.#committed + this.#maxResultBytes
    this.#head[BEGUN]!++
  }

  /** Whether a result of maximum size still fits. */
  get roomForNext(): boolean {
    return this.#bytes.length - this.#committed >= this.#maxResultBytes
  }

  /**
   * Writes a log line. Returns false if the level is unknown or the line does not fit; the log lines of an exec count
   * towards its result limit.
   */
  log(level: LogLevel, text: string): boolean {
    // Half of the limit is reserved for the verdict: a script that logs too much must not lose its decision.
    if (this.#limit - this.#at < this.#maxResultBytes / 2 + text.length + 8) return false
    const levelIndex = LOG_LEVELS.indexOf(level)
    if (levelIndex === -1) return false
    this.#u8(KIND_LOG)
    this.#u8(levelIndex)
    this.#text(text)
    this.#commit()
    return true
  }

  /** Writes a verdict. Returns false and writes nothing if the verdict exceeds the result limit. */
  verdict(
    code: number,
    dstUri: string | null,
    splices: readonly Splice[],
    error: VerdictError | null,
  ): boolean {
    try {
      this.#u8(KIND_VERDICT)
      this.#u8(
        (dstUri === null ? 0 : FLAG_DST) |
          (splices.length === 0 ? 0 : FLAG_EDITS) |
          (error === null ? 0 : FLAG_ERROR),
      )
      this.#u32(code)
      if (dstUri !== null) this.#text(dstUri)
      if (splices.length > 0) this.#splices(splices)
      if (error !== null) {
        this.#u8(ERROR_CODES.indexOf(error.code))
        this.#text(error.message)
        this.#text(error.stack)
      }
    } catch (full) {
      if (!(full instanceof AreaFull)) throw full
      this.#at = this.#committed
      return false
    }
    this.#commit()
    return true
  }

  #commit(): void {
    this.#committed = this.#at
    this.#head[COMMITTED] = this.#at - RECORDS_START
  }

  #splices(splices: readonly Splice[]): void {
    this.#u32(splices.length)
    for (let i = 0; i < splices.length; i++) {
      const splice = splices[i]!
      this.#u32(splice.start)
      this.#u32(splice.end)
      this.#text(splice.text)
    }
  }

  #u8(value: number): void {
    if (this.#at >= this.#limit) throw new AreaFull()
    this.#bytes[this.#at++] = value
  }

  #u32(value: number): void {
    const at = this.#at
    if (at + 4 > this.#limit) throw new AreaFull()
    const bytes = this.#bytes
    bytes[at] = value
    bytes[at + 1] = value >>> 8
    bytes[at + 2] = value >>> 16
    bytes[at + 3] = value >>> 24
    this.#at = at + 4
  }

  #text(text: string): void {
    const length = text.length
    this.#u32(length)
    const at = this.#at
    if (at + length > this.#limit) throw new AreaFull()
    const bytes = this.#bytes
    for (let i = 0; i < length; i++) bytes[at + i] = text.charCodeAt(i)
    this.#at = at + length
  }
}

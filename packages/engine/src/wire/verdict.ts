/**
 * Child → engine: what became of the execs of a batch, written by the isolate straight into memory it shares
 * with the engine. Nothing has to cross back, and what is committed outlives the isolate: after a timeout or a
 * memory limit the verdicts before the culprit are still there, and their number tells who the culprit is.
 *
 *   area    = i32 bytes of committed records, i32 execs begun, i32 KiB of heap, i32 ms until the last exec ended, records
 *   record  = verdict | log
 *   verdict = u8 1, u8 flags, i32 code, [dst URI], [edits], [error]      flags: 1 dst, 2 edits, 4 error
 *   dst URI = text;  edits = u32 count, count * (u32 start, u32 end, text);  error = u8 index in ERROR_CODES, text, text
 *   log     = u8 2, u8 level (index in LOG_LEVELS), text
 *   text    = u32 length, bytes (UTF-8, or message bytes in edits)
 *
 * Logs stand before the verdict of their exec. An exec that began and has no verdict did not end.
 */
import type { Splice } from '@siplet/sipmsg'
import type { ErrorCode } from '../errors.ts'
import { takeShared } from './shared-memory.ts'

const RECORDS_START = 16
const HEAP = 2
const ENDED_MS = 3

const KIND_VERDICT = 1
const KIND_LOG = 2
const FLAG_DST = 1
const FLAG_EDITS = 2
const FLAG_ERROR = 4

/** The errors an isolate can answer an exec with. */
export const ERROR_CODES = [
  'ERR_SIPLET_SCRIPT',
  'ERR_SIPLET_METHOD_NOT_FOUND',
  'ERR_SIPLET_RETURN_TYPE',
  'ERR_SIPLET_RESULT_TOO_LARGE',
  'ERR_SIPLET_STACK',
  'ERR_SIPLET_CALL_FUNCTION_LIMIT',
] as const satisfies readonly ErrorCode[]

/** From syslog's LOG_ALERT to LOG_DEBUG, by the names of the LM_* functions. */
export const LOG_LEVELS = ['ALERT', 'CRIT', 'ERR', 'WARN', 'NOTICE', 'INFO', 'DBG'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** All texts are one-byte text: UTF-8 in `message`, `stack` and `dstUri`. */
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

/** A verdict with the log lines that its exec wrote. */
export interface Outcome extends Verdict {
  logs: readonly LogLine[]
}

/** Memory for the results of a batch: room for the largest result several times, and never less than 1 MiB. */
export function createVerdictArea(maxResultBytes: number): SharedArrayBuffer {
  const area = takeShared(RECORDS_START + Math.max(1 << 20, 4 * maxResultBytes))
  new Int32Array(area, 0, ENDED_MS + 1).fill(0)
  return area
}

/** Notes what the isolate's heap holds: KiB. */
export function writeHeap(area: SharedArrayBuffer, kibibytes: number): void {
  new Int32Array(area, 0, HEAP + 1)[HEAP] = kibibytes
}

/** Forgets what stands in the area. To be called when the isolate is not running. */
export function clearArea(area: SharedArrayBuffer): void {
  const head = new Int32Array(area, 0, ENDED_MS + 1)
  head.fill(0, 0, 2)
  head[ENDED_MS] = 0
}

/** What stands in the area up to the last committed record; a copy. The isolate may be writing behind that meanwhile. */
export function areaSnapshot(area: SharedArrayBuffer): Buffer {
  const progress = new Int32Array(area, 0, 2)
  // In this order: an exec that ends in between is then one that began and ended, never one that did not begin.
  const begun = Atomics.load(progress, 1)
  const committed = Atomics.load(progress, 0)
  const snapshot = Buffer.from(Buffer.from(area, 0, RECORDS_START + committed))
  snapshot.writeInt32LE(committed, 0)
  snapshot.writeInt32LE(begun, 4)
  return snapshot
}

class AreaFull extends Error {}

/** The isolate's side. */
export class VerdictWriter {
  readonly #bytes: Uint8Array
  /** Bytes of committed records, execs begun. */
  readonly #progress: Int32Array
  readonly #endedMs: Int32Array
  readonly #maxResultBytes: number
  #at = RECORDS_START
  #committed = RECORDS_START
  /** No byte of the exec under way may stand at or behind this offset. */
  #limit: number

  constructor(area: SharedArrayBuffer, maxResultBytes: number) {
    this.#bytes = new Uint8Array(area)
    this.#progress = new Int32Array(area, 0, 2)
    this.#endedMs = new Int32Array(area, ENDED_MS * Int32Array.BYTES_PER_ELEMENT, 1)
    this.#maxResultBytes = maxResultBytes
    this.#limit = this.#bytes.length
  }

  /** Forgets the batch before. */
  start(): void {
    this.#at = this.#committed = RECORDS_START
    this.#progress.fill(0)
    this.#endedMs[0] = 0
    this.#limit = this.#bytes.length
  }

  /** The execs so far ended this long after the batch began: milliseconds. */
  endedAt(ms: number): void {
    this.#endedMs[0] = ms
  }

  /** An exec begins. */
  begin(): void {
    this.#limit = this.#committed + this.#maxResultBytes
    this.#progress[1]!++
  }

  /** Whether one more result of any allowed size has room. */
  get roomForNext(): boolean {
    return this.#bytes.length - this.#committed >= this.#maxResultBytes
  }

  /** False when the line had no room: the exec's result limit counts its log lines too. */
  log(level: LogLevel, text: string): boolean {
    // Half of the result is kept for the verdict: a chatty script must not lose its decision.
    if (this.#limit - this.#at < this.#maxResultBytes / 2 + text.length + 8) return false
    this.#u8(KIND_LOG)
    this.#u8(LOG_LEVELS.indexOf(level))
    this.#text(text)
    this.#commit()
    return true
  }

  /** False, and nothing written, when the verdict exceeds what one exec may answer. */
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
    this.#progress[0] = this.#at - RECORDS_START
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

/** The engine's side. */
export class VerdictReader {
  readonly #buffer: Buffer
  /** Bytes of committed records, execs begun. */
  readonly #progress: Int32Array
  readonly #heap: Int32Array
  readonly #endedMs: Int32Array
  #at = 0

  constructor(area: SharedArrayBuffer) {
    this.#buffer = Buffer.from(area)
    this.#progress = new Int32Array(area, 0, 2)
    this.#heap = new Int32Array(area, HEAP * Int32Array.BYTES_PER_ELEMENT, 1)
    this.#endedMs = new Int32Array(area, ENDED_MS * Int32Array.BYTES_PER_ELEMENT, 1)
  }

  /** How long the batch ran until the last exec that ended did, by the isolate's clock: whole milliseconds. */
  get endedMs(): number {
    return this.#endedMs[0]!
  }

  /** What {@link writeHeap} wrote last: bytes. */
  get heapBytes(): number {
    return 1_024 * this.#heap[0]!
  }

  /**
   * Takes the outcomes of the batch so far, in order; whether one more exec began, and the log lines it wrote. To be
   * called when the isolate is not running.
   */
  read(): { outcomes: Outcome[]; unfinished: boolean; unfinishedLogs: LogLine[] } {
    const end = RECORDS_START + this.#progress[0]!
    const begun = this.#progress[1]!
    const outcomes: Outcome[] = []
    let logs: LogLine[] = []
    this.#at = RECORDS_START
    while (this.#at < end) {
      if (this.#buffer[this.#at++] === KIND_LOG) {
        const level = LOG_LEVELS[this.#buffer[this.#at++]!]!
        logs.push({ level, text: this.#utf8() })
      } else {
        outcomes.push(this.#outcome(logs.length === 0 ? NO_LOGS : logs))
        if (logs.length > 0) logs = []
      }
    }
    this.#progress.fill(0)
    return { outcomes, unfinished: begun > outcomes.length, unfinishedLogs: logs }
  }

  #outcome(logs: readonly LogLine[]): Outcome {
    const flags = this.#buffer[this.#at++]!
    const code = this.#buffer.readInt32LE(this.#at)
    this.#at += 4
    return {
      code,
      dstUri: flags & FLAG_DST ? this.#utf8() : null,
      splices: flags & FLAG_EDITS ? this.#splices() : NO_SPLICES,
      error: flags & FLAG_ERROR ? this.#error() : null,
      logs,
    }
  }

  #splices(): Splice[] {
    const splices: Splice[] = new Array(this.#u32())
    for (let i = 0; i < splices.length; i++) {
      splices[i] = { start: this.#u32(), end: this.#u32(), text: this.#text('latin1') }
    }
    return splices
  }

  #error(): VerdictError {
    return { code: ERROR_CODES[this.#buffer[this.#at++]!]!, message: this.#utf8(), stack: this.#utf8() }
  }

  #u32(): number {
    const value = this.#buffer.readUInt32LE(this.#at)
    this.#at += 4
    return value
  }

  #utf8(): string {
    return this.#text('utf8')
  }

  #text(encoding: 'utf8' | 'latin1'): string {
    const length = this.#u32()
    const text = this.#buffer.toString(encoding, this.#at, this.#at + length)
    this.#at += length
    return text
  }
}

const NO_SPLICES: readonly Splice[] = Object.freeze([])
const NO_LOGS: readonly LogLine[] = Object.freeze([])

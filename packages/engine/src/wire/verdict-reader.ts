/**
 * Reads the area on the host's side (layout: verdict.ts). An isolate can write anything into the area, so each value
 * is either correct by construction or malformed. The committed bytes are copied first: the checked bytes are the
 * used bytes, even if the isolate writes to the area at the same time.
 *
 * Texts for people (log lines, errors) may contain any characters; bytes that are not UTF-8 become U+FFFD. A next hop
 * is printable ASCII, as every URI is (RFC 3986 section 2). Edits must fit the message of their exec.
 */
import type { SIPMessage, Splice } from '@siplet/sipmsg'
import { Malformed, orMalformed } from './malformed.ts'
import {
  BEGUN,
  COMMITTED,
  ENDED_MS,
  ERROR_CODES,
  FLAG_DST,
  FLAG_EDITS,
  FLAG_ERROR,
  HEAP,
  KIND_LOG,
  KIND_VERDICT,
  LOG_LEVELS,
  type LogLine,
  type Outcome,
  RECORDS_START,
  type VerdictError,
} from './verdict.ts'

/** The parts of an exec against which its verdict is checked. */
export interface Judged {
  readonly message: Pick<SIPMessage, 'acceptsSplices'>
}

/** The checked content of an area. */
export interface Reading {
  /** Outcomes of the first execs of the batch, in order. They are valid even if the data after them is malformed. */
  outcomes: Outcome[]
  /** Whether one more exec began. */
  unfinished: boolean
  /** Log lines of the exec that began and did not end. */
  unfinishedLogs: LogLine[]
  /**
   * Time from the start of the batch to the end of the last finished exec, by the isolate's clock, in whole
   * milliseconds.
   */
  endedMs: number
  /** Description of a malformed record after the outcomes, or of malformed numbers in the head. */
  malformed: string | undefined
}

const KNOWN_FLAGS = FLAG_DST | FLAG_EDITS | FLAG_ERROR
/** Sizes of fixed parts: kind and flags are one byte each, everything else is a u32 or an i32. */
const U32_BYTES = 4
const SPLICE_BYTES = 3 * U32_BYTES
const URI_CHARACTERS = /^[\x21-\x7e]+$/

/** Buffer that areas are copied into. Larger contents get a buffer of their own. */
const SCRATCH_BYTES = 1 << 18
const scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES)

export class VerdictReader {
  readonly #area: Buffer
  readonly #head: Int32Array
  readonly #maxResultBytes: number
  #bytes = scratch
  #at = 0
  #end = 0
  #outcomes: Outcome[] = []
  #logs: LogLine[] = []

  /** @param maxResultBytes maximum number of bytes that one exec may have written, including log lines */
  constructor(area: SharedArrayBuffer, maxResultBytes: number) {
    this.#area = Buffer.from(area)
    this.#head = new Int32Array(area, 0, ENDED_MS + 1)
    this.#maxResultBytes = maxResultBytes
  }

  /** Size of the isolate's heap in bytes, as claimed by the area. Not negative. */
  get heapBytes(): number {
    return 1_024 * Math.max(0, this.#head[HEAP]!)
  }

  /**
   * Reads the verdicts of a batch. Never throws.
   *
   * @param batch the execs that were sent
   * @param done whether the isolate reported the end of the batch. Then at least one exec must have begun, and all
   *   that began must have a verdict.
   */
  read(batch: readonly Judged[], done: boolean): Reading {
    const begun = this.#head[BEGUN]!
    const endedMs = this.#head[ENDED_MS]!
    const failure = orMalformed(() => {
      this.#copy()
      this.#records(batch)
      checkProgress(begun, this.#outcomes.length, batch.length, done)
      if (endedMs < 0) throw new Malformed(`a run time of ${endedMs} ms`)
    })
    return this.#reading(begun > this.#outcomes.length, Math.max(0, endedMs), failure)
  }

  /** Reads the log lines of a start, which must not contain verdicts. Never throws. */
  readStart(): Pick<Reading, 'unfinishedLogs' | 'malformed'> {
    const failure = orMalformed(() => {
      this.#copy()
      this.#records([])
    })
    return this.#reading(false, 0, failure)
  }

  #reading(unfinished: boolean, endedMs: number, failure: unknown): Reading {
    this.#head.fill(0, COMMITTED, BEGUN + 1)
    const outcomes = this.#outcomes
    const unfinishedLogs = this.#logs
    // Other readers use the same scratch buffer.
    this.#bytes = scratch
    this.#outcomes = []
    this.#logs = []
    return {
      outcomes,
      unfinished,
      unfinishedLogs,
      endedMs,
      malformed: failure instanceof Malformed ? failure.message : undefined,
    }
  }

  #copy(): void {
    const committed = this.#head[COMMITTED]!
    if (committed < 0 || committed > this.#area.length - RECORDS_START) {
      throw new Malformed(`${committed} bytes of results`)
    }
    this.#bytes = committed <= SCRATCH_BYTES ? scratch : Buffer.allocUnsafeSlow(committed)
    this.#area.copy(this.#bytes, 0, RECORDS_START, RECORDS_START + committed)
    this.#at = 0
    this.#end = committed
  }

  #records(batch: readonly Judged[]): void {
    const bytes = this.#bytes
    const outcomes = this.#outcomes
    let start = 0
    while (this.#at < this.#end) {
      this.#need(2)
      const kind = bytes[this.#at]!
      const second = bytes[this.#at + 1]!
      this.#at += 2
      if (kind === KIND_VERDICT) {
        const exec = batch[outcomes.length]
        if (exec === undefined) throw new Malformed(`more results than the ${batch.length} of the batch`)
        const outcome = this.#outcome(second, exec)
        this.#checkSize(start)
        outcomes.push(outcome)
        this.#logs = []
        start = this.#at
      } else if (kind === KIND_LOG) {
        const level = LOG_LEVELS[second]
        if (level === undefined) throw new Malformed(`log level ${second}`)
        const text = this.#text('utf8')
        this.#checkSize(start)
        this.#logs.push({ level, text })
      } else throw new Malformed(`a record of kind ${kind}`)
    }
  }

  #checkSize(start: number): void {
    if (this.#at - start <= this.#maxResultBytes) return
    throw new Malformed(`a result of more than limits.maxResultBytes (${this.#maxResultBytes})`)
  }

  #outcome(flags: number, { message }: Judged): Outcome {
    if ((flags & ~KNOWN_FLAGS) !== 0) throw new Malformed(`flags ${flags} of a result`)
    const code = this.#u32() | 0
    const dstUri = flags & FLAG_DST ? this.#dstUri() : null
    const splices = flags & FLAG_EDITS ? this.#splices() : NO_SPLICES
    if (splices !== NO_SPLICES && !message.acceptsSplices(splices)) {
      throw new Malformed('edits that do not fit the message')
    }
    const error = flags & FLAG_ERROR ? this.#error() : null
    if (error !== null && code !== -1) throw new Malformed(`code ${code} with an error`)
    return { code, dstUri, splices, error, logs: this.#logs.length === 0 ? NO_LOGS : this.#logs }
  }

  #dstUri(): string {
    const text = this.#text('latin1')
    if (!URI_CHARACTERS.test(text)) throw new Malformed('a dst URI with characters that no URI has')
    return text
  }

  #splices(): Splice[] {
    const count = this.#u32()
    // Checked before the list is created: the count must not exceed what fits into the area.
    if (count === 0 || count > (this.#end - this.#at) / SPLICE_BYTES) throw new Malformed(`${count} edits`)
    const splices: Splice[] = []
    for (let i = 0; i < count; i++) {
      const start = this.#u32()
      const end = this.#u32()
      splices.push({ start, end, text: this.#text('latin1') })
    }
    return splices
  }

  #error(): VerdictError {
    this.#need(1)
    const index = this.#bytes[this.#at++]!
    const code = ERROR_CODES[index]
    if (code === undefined) throw new Malformed(`error number ${index}`)
    const message = this.#text('utf8')
    return { code, message, stack: this.#text('utf8') }
  }

  #u32(): number {
    this.#need(U32_BYTES)
    const at = this.#at
    const bytes = this.#bytes
    this.#at = at + U32_BYTES
    return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  }

  #text(encoding: 'utf8' | 'latin1'): string {
    const length = this.#u32()
    this.#need(length)
    const start = this.#at
    this.#at = start + length
    return length === 0 ? '' : this.#bytes.toString(encoding, start, start + length)
  }

  #need(bytes: number): void {
    if (bytes > this.#end - this.#at) throw new Malformed('a record that does not end')
  }
}

/** Throws for numbers that no honest isolate writes. */
function checkProgress(begun: number, ended: number, sent: number, done: boolean): void {
  const agrees = begun >= ended && begun <= sent && begun <= ended + 1
  if (!agrees) throw new Malformed(`${begun} execs begun, ${ended} ended, of ${sent}`)
  // Without this check, the rest of the batch could be sent again forever.
  if (done && (ended === 0 || begun !== ended)) {
    throw new Malformed(`a batch that is done, with ${begun} execs begun and ${ended} ended`)
  }
}

const NO_SPLICES: readonly Splice[] = Object.freeze([])
const NO_LOGS: readonly LogLine[] = Object.freeze([])

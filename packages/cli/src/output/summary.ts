/** Collects the results of a replay, message by message. */
import type { EngineStats, ExecResult } from '@siplet/engine'
import type { SIPMessage } from '@siplet/sipmsg'
import type { CaptureStats } from '../capture/index.ts'
import type { ReplayConsumer } from '../replay/consumer.ts'
import type { NDJSONLine, ReplayedMessage } from '../replay/replayed-message.ts'
import type { LatencyData } from '../report/format.ts'
import { Latency } from '../report/latency.ts'
import { errorLine } from './error-place.ts'

/** Number of decisions and errors that are shown individually. */
const EXAMPLES = 12
const SLOWEST = 5
/** Number of methods that are counted separately. A capture may contain any number of different methods. */
const METHODS = 32
/** Name for all further methods. */
const OTHERS = 'others'
/** Number of places in a script that are counted separately. */
const PLACES = 100

/** Messages of one method, or of one class of replies. */
export interface SummaryRow {
  messages: number
  true: number
  false: number
  stop: number
  notRun: number
  edited: number
  dstUri: number
  errors: number
}

/** The summary as printed by `--json`. */
export interface ReplaySummary {
  captures: readonly string[]
  script: string
  /** From the first byte read to the last result, with microseconds. */
  seconds: number
  frames: number
  messages: number
  requests: number
  replies: number
  /** Messages for which a method was called. */
  executed: number
  verdicts: { true: number; false: number; stop: number }
  /** Messages that the script changed, and messages for which it set a next hop. */
  edited: number
  dstUri: number
  /** Number of errors by code. */
  errors: Record<string, number>
  /** Messages that end within their head, and messages whose body is shorter than Content-Length says. */
  truncatedMessages: { head: number; body: number }
  skipped: CaptureStats['skipped']
  truncatedCaptures: CaptureStats['truncated']
  /** Whether the replay ended before the end of the captures, because of --limit or a signal. */
  endedEarly: boolean
  /** Messages that --filter and --dedupe skipped. */
  passedOver: { filter: number; retransmission: number }
  /** Messages that --out did not write because they do not fit in a UDP datagram. */
  notWritten: number
  /**
   * Messages whose decisions differ, from --compare or --expect. Null without these options, and if the recording is of
   * other messages.
   */
  differences: number | null
  /** Number of batches. The messages of a batch ran together and share its time. */
  batches: number
  /** Microseconds in the isolate. Null if nothing was executed. */
  latencyUs: LatencyData['percentiles']
  /**
   * The slowest messages, slowest first. The messages of a batch share its time, so the first of them represents the
   * batch.
   */
  slowest: Slowest[]
  children: EngineStats['children']
}

export interface Slowest {
  frame: number
  file: string
  method: string | null
  us: number
  /** Number of messages in the batch. Each counts with its share of the time of the batch. */
  sharedBy: number
}

export interface SummaryDetails {
  /** Rows by method, or by class of replies. */
  rows: ReadonlyMap<string, SummaryRow>
  /** The first requests that were rerouted or refused, and the total number of such requests. */
  decided: readonly NDJSONLine[]
  decisions: number
  /** The first messages with an error. */
  failed: readonly NDJSONLine[]
  /** For each line of the script that threw, the number of messages and the frame of the first. */
  places: ReadonlyMap<string, { messages: number; first: number }>
}

export class SummaryCollector implements ReplayConsumer {
  readonly #rows = new Map<string, SummaryRow>()
  readonly #decided: NDJSONLine[] = []
  #decisions = 0
  readonly #failed: NDJSONLine[] = []
  readonly #errors: Record<string, number> = {}
  readonly #places = new Map<string, { messages: number; first: number }>()
  readonly #truncated = { head: 0, body: 0 }
  readonly #latency = new Latency()
  readonly #slowest: Slowest[] = []
  /** For each child, the share of each message in its last batch. */
  readonly #shares = new Map<number, number>()
  #batches = 0
  #messages = 0
  #requests = 0

  async write(messages: readonly ReplayedMessage[]): Promise<undefined> {
    for (const replayed of messages) this.#add(replayed)
  }

  async close(): Promise<void> {}

  /** Number of messages with an error. */
  get errors(): number {
    return Object.values(this.#errors).reduce((sum, count) => sum + count, 0)
  }

  get messages(): number {
    return this.#messages
  }

  summary(
    rest: Pick<
      ReplaySummary,
      | 'captures'
      | 'script'
      | 'seconds'
      | 'endedEarly'
      | 'children'
      | 'passedOver'
      | 'notWritten'
      | 'differences'
    >,
    stats: CaptureStats,
  ): ReplaySummary {
    const total = (key: keyof SummaryRow) => [...this.#rows.values()].reduce((sum, row) => sum + row[key], 0)
    return {
      captures: rest.captures,
      script: rest.script,
      seconds: Math.round(rest.seconds * 1e6) / 1e6,
      frames: stats.frames,
      messages: this.#messages,
      requests: this.#requests,
      replies: this.#messages - this.#requests,
      executed: this.#messages - total('notRun'),
      verdicts: { true: total('true'), false: total('false'), stop: total('stop') },
      edited: total('edited'),
      dstUri: total('dstUri'),
      errors: this.#errors,
      truncatedMessages: this.#truncated,
      skipped: stats.skipped,
      truncatedCaptures: stats.truncated,
      endedEarly: rest.endedEarly,
      passedOver: rest.passedOver,
      notWritten: rest.notWritten,
      differences: rest.differences,
      batches: this.#batches,
      latencyUs: this.#latency.data().percentiles,
      slowest: this.#slowest.map((one) => ({ ...one, us: Math.round(one.us * 10) / 10 })),
      children: rest.children,
    }
  }

  /** Details that the summary for people shows in addition to the figures. */
  get details(): SummaryDetails {
    return {
      rows: this.#rows,
      decided: this.#decided,
      decisions: this.#decisions,
      failed: this.#failed,
      places: this.#places,
    }
  }

  #add(replayed: ReplayedMessage): void {
    const { message, result } = replayed
    this.#messages++
    if (message.isRequest) this.#requests++
    const cut = message.truncatedIn
    if (cut !== null) this.#truncated[cut]++
    const row = this.#row(message)
    row.messages++
    if (result === null) row.notRun++
    else {
      row[result.verdict]++
      this.#latency.add(result.us)
      if (this.#beginsBatch(result)) this.#ranks(replayed, result)
      if (result.edited) row.edited++
      if (result.dstUri !== null) row.dstUri++
    }
    const ordinary =
      result === null || (!result.edited && result.dstUri === null && result.verdict === 'true')
    if (ordinary && cut !== 'head') return
    const { line } = replayed
    if (line.error !== null) {
      row.errors++
      this.#place(replayed)
      this.#errors[line.error.code] = (this.#errors[line.error.code] ?? 0) + 1
      if (this.#failed.length < EXAMPLES) this.#failed.push(line)
    } else if (message.isRequest && (line.dstUri !== null || line.ruri !== line.ruriOut || line.code! < 0)) {
      this.#decisions++
      if (this.#decided.length < EXAMPLES) this.#decided.push(line)
    }
  }

  #place({ captured, result }: ReplayedMessage): void {
    if (result?.error?.code !== 'ERR_SIPLET_SCRIPT') return
    const place = errorLine(result.error)
    if (place === null) return
    const found = this.#places.get(place)
    if (found) found.messages++
    else if (this.#places.size < PLACES) this.#places.set(place, { messages: 1, first: captured.frame })
  }

  /** Compares the time exactly: no two batches of a child take the same time to the last digit. */
  #beginsBatch({ us, sharedBy, child }: ExecResult): boolean {
    if (sharedBy > 1 && this.#shares.get(child) === us) return false
    this.#shares.set(child, us)
    this.#batches++
    return true
  }

  #ranks({ captured, message }: ReplayedMessage, { us, sharedBy }: ExecResult): void {
    if (this.#slowest.length === SLOWEST && us <= this.#slowest.at(-1)!.us) return
    const { frame, file } = captured
    const at = this.#slowest.findIndex((one) => one.us < us)
    this.#slowest.splice(at === -1 ? this.#slowest.length : at, 0, {
      frame,
      file,
      method: message.method ?? message.cseqMethod,
      us,
      sharedBy,
    })
    if (this.#slowest.length > SLOWEST) this.#slowest.pop()
  }

  #row({ isRequest, method, status }: SIPMessage): SummaryRow {
    const called = isRequest ? method! : `${String(status)[0]}xx reply`
    const name = isRequest && !this.#rows.has(called) && this.#rows.size >= METHODS ? OTHERS : called
    let row = this.#rows.get(name)
    if (row === undefined) {
      row = { messages: 0, true: 0, false: 0, stop: 0, notRun: 0, edited: 0, dstUri: 0, errors: 0 }
      this.#rows.set(name, row)
    }
    return row
  }
}

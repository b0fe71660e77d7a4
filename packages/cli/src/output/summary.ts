/** What a replay came to, collected message by message. */
import type { EngineStats, ExecResult } from '@siplet/engine'
import type { SIPMessage } from '@siplet/sipmsg'
import type { CaptureStats } from '../capture/index.ts'
import type { ReplayConsumer } from '../replay/consumer.ts'
import type { NDJSONLine, ReplayedMessage } from '../replay/replayed-message.ts'
import type { LatencyData } from '../report/format.ts'
import { Latency } from '../report/latency.ts'
import { errorLine } from './error-place.ts'

/** Decisions and errors that are shown one by one. */
const EXAMPLES = 12
const SLOWEST = 5
/** Methods that are told apart: a capture may name as many as it has messages. */
const METHODS = 32
/** All methods beyond them. */
const OTHERS = 'others'
/** Places of a script that are told apart. */
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

/** The summary as `--json` prints it. */
export interface ReplaySummary {
  captures: readonly string[]
  script: string
  /** From the first byte read to the last answer, to the microsecond. */
  seconds: number
  frames: number
  messages: number
  requests: number
  replies: number
  /** Messages that a method was called for. */
  executed: number
  verdicts: { true: number; false: number; stop: number }
  /** Messages the script changed, and those it gave a next hop. */
  edited: number
  dstUri: number
  /** By code. */
  errors: Record<string, number>
  /** Messages that end within their head, and those whose body is shorter than Content-Length says. */
  truncatedMessages: { head: number; body: number }
  skipped: CaptureStats['skipped']
  truncatedCaptures: CaptureStats['truncated']
  /** Ended before the end of the captures, by --limit or by a signal. */
  endedEarly: boolean
  /** Messages that --filter and --dedupe passed over. */
  passedOver: { filter: number; retransmission: number }
  /** Messages that --out has not: longer than a UDP datagram. */
  notWritten: number
  /** Messages whose decisions differ, by --compare or --expect; null without them, and with a recording of other messages. */
  differences: number | null
  /** What was run in one go: their messages share its time. */
  batches: number
  /** Microseconds in the isolate; null where nothing was executed. */
  latencyUs: LatencyData['percentiles']
  /** Where the time went, longest first. Messages of one batch share its time: the first of them stands for all. */
  slowest: Slowest[]
  children: EngineStats['children']
}

export interface Slowest {
  frame: number
  file: string
  method: string | null
  us: number
  /** Messages that took this time each, the batch having taken as many times of it. */
  sharedBy: number
}

export interface SummaryDetails {
  /** By method, or class of replies. */
  rows: ReadonlyMap<string, SummaryRow>
  /** Requests that were rerouted or refused: the first ones, and how many there are. */
  decided: readonly NDJSONLine[]
  decisions: number
  /** Messages with an error: the first ones. */
  failed: readonly NDJSONLine[]
  /** Messages by the line of the script that threw, and the frame of the first. */
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
  /** By child: the share of each message of its last batch. */
  readonly #shares = new Map<number, number>()
  #batches = 0
  #messages = 0
  #requests = 0

  async write(messages: readonly ReplayedMessage[]): Promise<undefined> {
    for (const replayed of messages) this.#add(replayed)
  }

  async close(): Promise<void> {}

  /** Messages with an error. */
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

  /** What the summary for people shows beside the figures. */
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

  /** No two batches of a child take the same time to the last digit. */
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

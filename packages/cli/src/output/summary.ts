/** What a replay came to: collected message by message, shown as tables or as one JSON object. */
import { type InspectColor, styleText } from 'node:util'
import type { EngineStats, ExecResult } from '@siplet/engine'
import type { SIPMessage } from '@siplet/sipmsg'
import Table from 'cli-table3'
import { type CaptureStats, STDIN } from '../capture/index.ts'
import type { ReplayConsumer } from '../replay/consumer.ts'
import type { NDJSONLine, ReplayedMessage } from '../replay/replayed-message.ts'
import type { LatencyData } from '../report/format.ts'
import { Latency } from '../report/latency.ts'

/** Decisions and errors that are shown one by one. */
const EXAMPLES = 12
const SLOWEST = 5
/** Methods that are told apart: a capture may name as many as it has messages. */
const METHODS = 32
/** All methods beyond them. */
const OTHERS = 'others'
/** Places of a script that are told apart. */
const PLACES = 100

interface Row {
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
  /** From the first byte read to the last answer. */
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
  /** Messages whose decisions differ, by --compare or --expect; null without them. */
  differences: number | null
  /** Microseconds in the isolate; null where nothing was executed. */
  latencyUs: LatencyData['percentiles']
  /** Where the time went, longest first. Messages of one batch share its time: the first of them stands for all. */
  slowest: Slowest[]
  children: EngineStats['children']
}

interface Slowest {
  frame: number
  file: string
  method: string | null
  us: number
  /** Messages that took this time each, the batch having taken as many times of it. */
  sharedBy: number
}

export class SummaryCollector implements ReplayConsumer {
  readonly #rows = new Map<string, Row>()
  /** Requests that were rerouted or refused: the first ones, and how many. */
  readonly #decided: NDJSONLine[] = []
  #decisions = 0
  readonly #failed: NDJSONLine[] = []
  readonly #errors: Record<string, number> = {}
  /** Messages by the place of the script that threw. */
  readonly #places = new Map<string, { messages: number; first: number }>()
  readonly #truncated = { head: 0, body: 0 }
  readonly #latency = new Latency()
  readonly #slowest: Slowest[] = []
  /** Of the batch that the last message was in: time of each child. */
  readonly #batches = new Map<number, number>()
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
    const total = (key: keyof Row) => [...this.#rows.values()].reduce((sum, row) => sum + row[key], 0)
    return {
      captures: rest.captures,
      script: rest.script,
      seconds: rest.seconds,
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
      latencyUs: this.#latency.data().percentiles,
      slowest: this.#slowest.map((one) => ({ ...one, us: Math.round(one.us * 10) / 10 })),
      children: rest.children,
    }
  }

  /** The summary for people, its titles marked where `stream` is a terminal and NO_COLOR is not set. */
  text(summary: ReplaySummary, stream: NodeJS.WriteStream): string {
    const { messages, requests, replies, seconds, captures, script } = summary
    const rate = seconds > 0 ? ` (${Math.round(messages / seconds).toLocaleString('en')}/s)` : ''
    const title = (format: InspectColor) => (text: string) => styleText(format, text, { stream })
    const [plain, alarming] = [title('bold'), title('red')]
    const lines = [
      `${captures.map((path) => (path === STDIN ? 'stdin' : path)).join(', ')} through ${script}: ${plural(messages, 'SIP message')} in ${seconds.toFixed(2)} s${rate}, ` +
        `${plural(requests, 'request')}, ${replies} ${replies === 1 ? 'reply' : 'replies'}`,
      '',
      messages === 0 ? 'No SIP message to run: see what was left out, and the filters.' : this.#table(),
      ...section(plain('What the script decided on requests:'), this.#decided.map(decided), this.#decisions),
      ...section(alarming('Errors:'), this.#failed.map(failed), this.errors),
      ...section(alarming('Errors by line of the script:'), this.#errorPlaces()),
      ...section(plain('Time in the script:'), latency(summary)),
      ...section(plain('Left out:'), leftOut(summary)),
    ]
    return `${lines.join('\n')}\n`
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
      this.#ranks(replayed, result)
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
    const place = result?.error?.stack?.match(/\(?([^\s()]+:\d+):\d+\)?$/m)?.[1]
    if (place === undefined || result?.error?.code !== 'ERR_SIPLET_SCRIPT') return
    const found = this.#places.get(place)
    if (found) found.messages++
    else if (this.#places.size < PLACES) this.#places.set(place, { messages: 1, first: captured.frame })
  }

  #errorPlaces(): string[] {
    return [...this.#places]
      .sort(([, a], [, b]) => b.messages - a.messages)
      .map(([place, { messages, first }]) => `${place}  ${plural(messages, 'message')}, first frame ${first}`)
  }

  #ranks({ captured, message }: ReplayedMessage, { us, sharedBy, child }: ExecResult): void {
    if (this.#slowest.length === SLOWEST && us <= this.#slowest.at(-1)!.us) return
    // No two batches of a child take the same time to the last digit.
    if (sharedBy > 1 && this.#batches.get(child) === us) return
    this.#batches.set(child, us)
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

  #row({ isRequest, method, status }: SIPMessage): Row {
    const called = isRequest ? method! : `${String(status)[0]}xx reply`
    const name = isRequest && !this.#rows.has(called) && this.#rows.size >= METHODS ? OTHERS : called
    let row = this.#rows.get(name)
    if (row === undefined) {
      row = { messages: 0, true: 0, false: 0, stop: 0, notRun: 0, edited: 0, dstUri: 0, errors: 0 }
      this.#rows.set(name, row)
    }
    return row
  }

  #table(): string {
    const table = new Table({
      head: ['', 'messages', 'true', 'false', 'stop', 'not run', 'edited', 'dst URI', 'errors'],
      colAligns: ['left', ...Array.from({ length: 8 }, () => 'right' as const)],
      style: { head: [], border: [], compact: true },
    })
    const order = [...this.#rows].sort(
      ([a], [b]) => Number(a.endsWith('reply')) - Number(b.endsWith('reply')),
    )
    for (const [name, { messages, true: yes, false: no, stop, notRun, edited, dstUri, errors }] of order) {
      table.push([name, ...[messages, yes, no, stop, notRun, edited, dstUri, errors].map((n) => n || '')])
    }
    return table.toString()
  }
}

function section(title: string, lines: readonly string[], total = lines.length): string[] {
  if (lines.length === 0) return []
  const more = total > lines.length ? [`  … and ${total - lines.length} more: --ndjson lists them all`] : []
  return ['', title, ...lines.map((line) => `  ${line}`), ...more]
}

function decided({ frame, method, ruri, ruriOut, dstUri, code }: NDJSONLine): string {
  const rewritten = ruri === ruriOut ? ruri : `${ruri} → ${ruriOut}`
  return `frame ${frame}  ${method} ${rewritten}${dstUri === null ? '' : `  via ${dstUri}`}${code! < 0 ? '  refused' : ''}`
}

function failed({ frame, file, method, status, error }: NDJSONLine): string {
  return `frame ${frame} of ${file}  ${status ?? ''}${status === null ? '' : ' '}${method ?? ''}: ${error!.code}: ${error!.message}`
}

const SKIPPED: Record<keyof CaptureStats['skipped'], string> = {
  linktype: 'of a link layer that is not supported',
  notIP: 'without an IP packet',
  fragments: 'IP fragments whose other pieces are missing',
  tcp: 'TCP streams broken within a message: segments are missing',
  notFramed: 'parts of SIP streams that are no message',
  encrypted: 'encrypted streams on port 5060 or 5061',
  hep: 'HEP packets without SIP',
  notSIP: 'datagrams on port 5060 or 5061 that are not SIP',
  keepAlive: 'keep-alives',
  malformed: 'malformed packets',
}

/** What the replay did not take, in words. */
export function leftOut({
  skipped,
  truncatedCaptures,
  truncatedMessages,
  endedEarly,
  passedOver,
  notWritten,
}: ReplaySummary): string[] {
  const lines = Object.entries(skipped)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${SKIPPED[kind as keyof typeof SKIPPED]}`)
  const { head, body } = truncatedMessages
  if (head > 0) lines.push(`${plural(head, 'message')} cut short within the head, not run`)
  if (body > 0)
    lines.push(`${plural(body, 'message')} with a body shorter than Content-Length says, run as captured`)
  for (const [path, { offset, reason }] of Object.entries(truncatedCaptures)) {
    lines.push(`${path} from byte ${offset} on: ${reason}`)
  }
  if (passedOver.retransmission > 0)
    lines.push(`${plural(passedOver.retransmission, 'retransmission')}, by --dedupe`)
  if (passedOver.filter > 0)
    lines.push(`${plural(passedOver.filter, 'message')} that --filter does not match`)
  if (notWritten > 0) lines.push(`from --out ${plural(notWritten, 'message')} longer than a UDP datagram`)
  if (endedEarly) lines.push('the rest of the captures: the replay was ended early')
  return lines
}

function latency({ latencyUs, slowest }: ReplaySummary): string[] {
  if (latencyUs === null) return []
  const { p50, p90, p99, p999, max } = latencyUs
  return [
    `p50 ${p50} µs, p90 ${p90} µs, p99 ${p99} µs, p99.9 ${p999} µs, longest ${max} µs`,
    `slowest: ${slowest.map(slow).join(', ')}`,
  ]
}

/** A share of a batch is told as one: nobody knows which message of it took longest. */
function slow({ frame, method, us, sharedBy }: Slowest): string {
  const share = sharedBy === 1 ? '' : ` each of a batch of ${sharedBy}`
  return `frame ${frame} ${method} ${us} µs${share}`
}

function plural(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`
}

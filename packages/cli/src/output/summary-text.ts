/** Formats the summary of a replay for people. */
import { type InspectColor, styleText } from 'node:util'
import { printable } from '@siplet/engine'
import Table from 'cli-table3'
import { type CaptureStats, STDIN } from '../capture/index.ts'
import type { NDJSONLine } from '../replay/replayed-message.ts'
import type { ReplaySummary, Slowest, SummaryDetails } from './summary.ts'

/** Returns the summary. Titles are highlighted if `stream` is a terminal and NO_COLOR is not set. */
export function summaryText(
  summary: ReplaySummary,
  { rows, decided, decisions, failed, places }: SummaryDetails,
  stream: NodeJS.WriteStream,
): string {
  const { messages, errors } = summary
  const title = (format: InspectColor) => (text: string) => styleText(format, text, { stream })
  const [plain, alarming] = [title('bold'), title('red')]
  const failures = Object.values(errors).reduce((sum, count) => sum + count, 0)
  const lines = [
    headline(summary),
    '',
    messages === 0
      ? 'No SIP message to run: see the list of what was left out, and check the filters.'
      : table(rows),
    ...section(
      plain('Requests that were rewritten, rerouted or refused:'),
      decided.map(decidedLine),
      decisions,
    ),
    ...section(alarming('Errors:'), failed.map(failedLine), failures),
    ...section(alarming('Errors by line of the script:'), placeLines(places)),
    ...section(plain('Time in the script:'), latency(summary)),
    ...section(plain('Left out:'), leftOut(summary).map(printable)),
  ]
  return `${lines.join('\n')}\n`
}

function headline({ captures, script, messages, seconds, requests, replies }: ReplaySummary): string {
  const names = captures.map((path) => (path === STDIN ? 'stdin' : path)).join(', ')
  const rate = seconds > 0 ? ` (${Math.round(messages / seconds).toLocaleString('en')}/s)` : ''
  return printable(
    `${names} through ${script}: ${plural(messages, 'SIP message')} in ${seconds.toFixed(2)} s${rate}, ` +
      `${plural(requests, 'request')}, ${plural(replies, 'reply', 'replies')}`,
  )
}

/** Longest method name in the table. A longer one would widen every row. */
const MAX_NAME = 40

function table(rows: SummaryDetails['rows']): string {
  const table = new Table({
    head: ['', 'messages', 'true', 'false', 'stop', 'not run', 'edited', 'dst URI', 'errors'],
    colAligns: ['left', ...Array.from({ length: 8 }, () => 'right' as const)],
    style: { head: [], border: [], compact: true },
  })
  const order = [...rows].sort(([a], [b]) => Number(a.endsWith('reply')) - Number(b.endsWith('reply')))
  for (const [name, { messages, true: yes, false: no, stop, notRun, edited, dstUri, errors }] of order) {
    table.push([
      printable(name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}…` : name),
      ...[messages, yes, no, stop, notRun, edited, dstUri, errors].map((n) => n || ''),
    ])
  }
  return table.toString()
}

function placeLines(places: SummaryDetails['places']): string[] {
  return [...places]
    .sort(([, a], [, b]) => b.messages - a.messages)
    .map(([place, { messages, first }]) =>
      printable(`${place}  ${plural(messages, 'message')}, first frame ${first}`),
    )
}

function section(title: string, lines: readonly string[], total = lines.length): string[] {
  if (lines.length === 0) return []
  const more =
    total > lines.length
      ? [`  … and ${(total - lines.length).toLocaleString('en')} more: --ndjson lists them all`]
      : []
  return ['', title, ...lines.map((line) => `  ${line}`), ...more]
}

function decidedLine({ frame, method, ruri, ruriOut, dstUri, code }: NDJSONLine): string {
  const rewritten = ruri === ruriOut ? ruri : `${ruri} → ${ruriOut}`
  return printable(
    `frame ${frame}  ${method} ${rewritten}${dstUri === null ? '' : `  via ${dstUri}`}${code! < 0 ? '  refused' : ''}`,
  )
}

function failedLine({ frame, file, method, status, error }: NDJSONLine): string {
  return printable(
    `frame ${frame} of ${file}  ${status ?? ''}${status === null ? '' : ' '}${method ?? ''}: ${error!.code}: ${error!.message}`,
  )
}

const SKIPPED: Record<keyof CaptureStats['skipped'], (count: number) => string> = {
  linktype: (count) => `${plural(count, 'frame')} of an unsupported link layer`,
  notIP: (count) => `${plural(count, 'frame')} without an IP packet`,
  fragments: (count) => `${plural(count, 'IP fragment')} of packets with missing fragments`,
  tcp: (count) => `${plural(count, 'gap')} in messages of TCP streams, because segments are missing`,
  notFramed: (count) => `${plural(count, 'part')} of SIP streams without a message`,
  encrypted: (count) => `${plural(count, 'encrypted stream')} on port 5060 or 5061`,
  hep: (count) => `${plural(count, 'HEP packet')} without SIP`,
  notSIP: (count) => `${plural(count, 'datagram')} without SIP on port 5060 or 5061`,
  keepAlive: (count) => plural(count, 'keep-alive'),
  malformed: (count) => plural(count, 'malformed packet'),
}

/** Returns sentences about everything that the replay left out. */
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
    .map(([kind, count]) => SKIPPED[kind as keyof typeof SKIPPED](count))
  const { head, body } = truncatedMessages
  if (head > 0) lines.push(`${plural(head, 'message')} cut off within the head, not run`)
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
  if (endedEarly) lines.push('the rest of the captures: the replay ended early')
  return lines
}

/** With fewer batches, several percentiles would show the same value. */
const FEW_BATCHES = 10

function latency({ latencyUs, slowest, executed, batches }: ReplaySummary): string[] {
  if (latencyUs === null) return []
  const { p50, p90, p99, p999, max, mean } = latencyUs
  if (batches === 1 && executed > 1) return [`${mean} µs per message on average (1 batch of ${executed})`]
  const times =
    batches < FEW_BATCHES && batches < executed
      ? `${mean} µs per message on average (${plural(executed, 'message')} in ${plural(batches, 'batch', 'batches')})`
      : `p50 ${p50} µs, p90 ${p90} µs, p99 ${p99} µs, p99.9 ${p999} µs, longest ${max} µs`
  return [times, `slowest: ${slowest.map(slow).join(', ')}`]
}

/** A batch is shown as one entry, because nobody knows which of its messages took longest. */
function slow({ frame, method, us, sharedBy }: Slowest): string {
  const share = sharedBy === 1 ? '' : ` each of a batch of ${sharedBy}`
  return printable(`frame ${frame} ${method} ${us} µs${share}`)
}

function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? noun : nouns}`
}

/** Finds calls by words in any order. All words must match, and `-word` must not match. */
import { FLAG, type MessageColumns } from '../format.ts'
import type { Call, Report } from './report.ts'

/** Microseconds since the start of the report. */
export interface TimeRange {
  readonly from: number
  readonly to: number
}

type Column = keyof MessageColumns

/** Columns that are searched for a word without a field. */
const ANYWHERE: Column[] = [
  ...([
    'method',
    'reason',
    'cseq',
    'ruri',
    'ruriOut',
    'dstUri',
    'src',
    'dst',
    'error',
    'exec',
    'file',
  ] as const),
]

const FIELDS: Record<string, Column[]> = {
  method: ['method'],
  ruri: ['ruri', 'ruriOut'],
  next: ['dstUri'],
  src: ['src'],
  dst: ['dst'],
  ip: ['src', 'dst'],
  error: ['error'],
  file: ['file'],
}

/** Properties of a message, for `is:…`. */
const IS: Record<string, (report: Report, message: number) => boolean> = {
  error: (report, message) => report.decision(message) === 'error',
  refused: (report, message) => report.decision(message) === 'false',
  stopped: (report, message) => report.decision(message) === 'stop',
  edited: (report, message) => report.has(message, FLAG.EDITED),
  rerouted: (report, message) => report.index.messages.dstUri[message]! >= 0,
  logged: (report, message) => report.has(message, FLAG.LOGGED),
  retransmitted: (report, message) => report.has(message, FLAG.RETRANSMISSION),
}

export const SEARCH_HELP =
  'Words are looked for in Call-IDs, URIs, addresses, methods, statuses and errors; -word leaves out. ' +
  `Fields: ${[...Object.keys(FIELDS), 'from', 'to', 'call-id', 'status', 'state', 'frame'].map((name) => `${name}:`).join(' ')}. ` +
  `Properties: ${Object.keys(IS)
    .map((name) => `is:${name}`)
    .join(' ')}.`

export function findCalls(report: Report, query: string, range: TimeRange | null): readonly Call[] {
  let calls = report.calls
  for (const word of words(query)) {
    const wanted = !word.startsWith('-') || word === '-'
    const found = match(report, (wanted ? word : word.slice(1)).toLowerCase())
    calls = calls.filter((call) => found(call) === wanted)
  }
  if (range !== null) {
    const { time } = report.index.messages
    calls = calls.filter(({ messages }) =>
      messages.some((message) => time[message]! >= range.from && time[message]! < range.to),
    )
  }
  return calls
}

/** Splits a query into words. Quotes keep text with spaces together. */
function words(query: string): string[] {
  return [...query.matchAll(/(?:"([^"]*)"?|[^\s"])+/g)]
    .map(([word]) => word.replaceAll('"', ''))
    .filter(Boolean)
}

function match(report: Report, word: string): (call: Call) => boolean {
  const [, field = '', value = ''] = /^([a-z-]+):(.*)$/s.exec(word) ?? []
  const { messages } = report.index
  if (field === 'is' && Object.hasOwn(IS, value)) return marked((m) => IS[value]!(report, m))
  if (field === 'status')
    return marked((m) => messages.status[m] !== 0 && `${messages.status[m]}`.startsWith(value))
  if (field === 'frame') return marked((m) => `${messages.frame[m]}` === value)
  if (field === 'state') return (call) => call.state.words.toLowerCase().includes(value)
  if (field === 'from') return (call) => includes(call.from, value)
  if (field === 'to') return (call) => includes(call.to, value)
  if (field === 'call-id') return (call) => includes(call.callId, value)
  if (Object.hasOwn(FIELDS, field)) return inColumns(report, FIELDS[field]!, value)
  const inMessages = inColumns(report, ANYWHERE, word)
  const status = /^\d{3}$/.test(word) ? marked((m) => messages.status[m] === Number(word)) : () => false
  return (call) =>
    includes(call.callId, word) ||
    includes(call.from, word) ||
    includes(call.to, word) ||
    inMessages(call) ||
    status(call)
}

/** Tests each distinct text once, however many messages have it. */
function inColumns(report: Report, columns: Column[], value: string): (call: Call) => boolean {
  const found = report.index.strings.map((text) => text.toLowerCase().includes(value))
  return marked((message) =>
    columns.some((column) => found[report.index.messages[column][message]!] === true),
  )
}

function marked(test: (message: number) => boolean): (call: Call) => boolean {
  return ({ messages }) => messages.some(test)
}

function includes(text: string | null, value: string): boolean {
  return text?.toLowerCase().includes(value) ?? false
}

/**
 * Measures how the cost of odd messages grows with their length: nanoseconds per byte, for everything that sipmsg does
 * with one message (all headers, validation, edits, framing of 61 bytes at a time). A row with constant values is
 * linear.
 */

import { SIPMessage, StreamFramer, validate } from '@siplet/sipmsg'
import type { FigureRow, Figures } from '../packages/cli/src/bench/figures.ts'

const SIZES = [4, 16, 64, 256, 1_024].map((kilobytes) => kilobytes * 1_024)

const head = (line: string) => `INVITE sip:a@b SIP/2.0\r\n${line}`
const lines = (line: string) => (size: number) => `${head(line.repeat(Math.ceil(size / line.length)))}\r\n`
const value =
  (name: string, unit: string, tail = '') =>
  (size: number) =>
    `${head(`${name}: ${unit.repeat(Math.ceil(size / unit.length))}${tail}\r\n`)}\r\n`

const SHAPES: Record<string, (size: number) => string> = {
  'repeated headers': lines('Via: SIP/2.0/UDP a;branch=z9hG4bK1\r\n'),
  'short headers': lines('f:a\r\n'),
  'lines without a colon': lines('abcdefg\r\n'),
  'one long fold': value('Subject', 'x\r\n '),
  'blank folds': value('To', '\r\n ', '<sip:a@b>'),
  'many commas': value('Contact', ','),
  'addresses in one header': value('Route', '<sip:a;lr>,'),
  'tokens in one header': value('Allow', 'INVITE,'),
  'addresses without brackets': value('Contact', 'sip:a,'),
  'parameters of Via': value('Via', ';a=b', ''),
  'parameters of From': value('From', ';tag', ''),
  'parameters of one URI': value('From', '<sip:a@b', `${';p=1'.repeat(10)}>`),
  'long display name': value('From', 'a ', '<sip:a@b>'),
  'open quotes': value('From', '"\\"'),
  'open quotes, many headers': lines('From: "a\r\n'),
  'open brackets': value('Contact', '<'),
  'open brackets, many headers': lines('Contact: <a\r\n'),
  'nested comments': value('Accept', '('),
  'spaces in the start line': (size) => `INVITE ${' '.repeat(size)}sip:a@b SIP/2.0\r\n\r\n`,
  'spaces behind the start line': (size) => `INVITE sip:a@b SIP/2.0${' '.repeat(size)}x\r\n\r\n`,
  'spaces within the start line': (size) => `INVITE sip:a${' '.repeat(size)}b SIP/2.0\r\n\r\n`,
  'spaces before a colon': value('Via', 'X ', ''),
  digits: value('CSeq', '9'),
  'escapes in a URI': (size) => `INVITE sip:${'%41'.repeat(size / 3)}@b SIP/2.0\r\n\r\n`,
  'colons in an IPv6 reference': (size) => `INVITE sip:[${'1:'.repeat(size / 2)}] SIP/2.0\r\n\r\n`,
  'bytes that are not UTF-8': value('Subject', '\xff'),
  'keep-alives': (size) => '\r\n'.repeat(size / 2),
  garbage: (size) => 'INVITE sip:a\n'.repeat(size / 13),
}

export function run(): Promise<Figures[]> {
  const columns = SIZES.map((size) => `${size / 1_024} kB`)
  const rows = Object.entries(SHAPES).map(([name, shape]) => {
    const costs = SIZES.map((size) => nanosecondsPerByte(Buffer.from(shape(size), 'latin1')))
    const row: FigureRow = { name, 'last / first': costs.at(-1)! / costs[0]! }
    for (const [index, column] of columns.entries()) row[column] = costs[index]!
    return row
  })
  const decimals = Object.fromEntries(columns.map((column) => [column, 1]))
  return Promise.resolve([{ title: 'ns/byte at', columns: { ...decimals, 'last / first': 2 }, rows }])
}

/** Returns the median of several runs. */
function nanosecondsPerByte(bytes: Buffer): number {
  const times = Array.from({ length: 7 }, () => {
    const start = performance.now()
    everything(bytes)
    return performance.now() - start
  })
  return (times.sort((a, b) => a - b)[3]! * 1e6) / bytes.length
}

function everything(bytes: Buffer): void {
  const framer = new StreamFramer({ onGarbage: 'resync', maxHeadBytes: 1e9 })
  for (let at = 0; at < bytes.length; at += 61) framer.push(bytes.subarray(at, at + 61))
  if (validate(bytes)[0]?.code === 'START_LINE_MALFORMED') return
  const message = new SIPMessage(bytes)
  for (const { values } of message.headers()) {
    for (const value of values) {
      if (typeof value === 'object' && value !== null && 'parameters' in value) {
        for (const _ of value.parameters.entries()) {
          // Reading the values is the work that is measured.
        }
        if ('parsedURI' in value) void value.parsedURI
      }
    }
  }
  void [message.vias, message.contacts, message.routes, message.from?.displayName, message.requestURI]
  message.setHeader('Via', 'SIP/2.0/UDP b')
  message.removeHeader('Contact')
  message.setBody('x', 'text/plain')
  message.toBytes()
}

/** What scripts log, readable, on stderr. */
import { Writable } from 'node:stream'
import { printable, printableLines } from '@siplet/engine'
import { type Logger, pino } from 'pino'
import pretty from 'pino-pretty'

import { INDENT } from './talk.ts'

/** To the start of the line, which is cleared: a progress bar may stand there, and is drawn again below. */
const CLEAR_LINE = '\r\x1b[2K'

/** @param level of pino, or `silent` */
export function scriptLogger(level: string): Logger {
  const stream = pretty({
    destination: process.stderr.isTTY ? aboveProgress() : 2,
    sync: true,
    colorize: Boolean(process.stderr.isTTY) && !process.env.NO_COLOR,
    ignore: 'pid,hostname,time,rank,method,callId,code',
    // As lines, not as one text with escapes.
    customPrettifiers: { stack: (stack) => printableLines(String(stack)).replaceAll('\n', `\n${INDENT}`) },
    messageFormat: ({ rank, msg, callId }) =>
      `${rank ? `child ${rank}: ` : ''}${printableLines(String(msg), INDENT)}${callId ? ` (Call-ID ${printable(String(callId))})` : ''}`,
  })
  return pino({ level }, stream)
}

function aboveProgress(): Writable {
  return new Writable({
    write(text: Buffer, _encoding, done) {
      process.stderr.write(`${CLEAR_LINE}${text}`, done)
    },
  })
}

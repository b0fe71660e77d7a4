/** What scripts log, readable, on stderr. */
import { Writable } from 'node:stream'
import { printable, printableLines } from '@siplet/engine'
import { type Logger, pino } from 'pino'
import pretty from 'pino-pretty'

import { INDENT } from './talk.ts'

/** To the start of the line, which is cleared: a progress bar may stand there, and is drawn again below. */
const CLEAR_LINE = '\r\x1b[2K'

/**
 * @param level of pino, or `silent`
 * @param options `timestamps` begins each line with the time: ISO 8601, UTC, to the millisecond
 */
export function scriptLogger(level: string, { timestamps = false } = {}): Logger {
  const stream = pretty({
    destination: process.stderr.isTTY ? aboveProgress() : 2,
    sync: true,
    colorize: Boolean(process.stderr.isTTY) && !process.env.NO_COLOR,
    ignore: `pid,hostname,${timestamps ? '' : 'time,'}rank,method,callId,code`,
    translateTime: "UTC:yyyy-mm-dd'T'HH:MM:ss.l'Z'",
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

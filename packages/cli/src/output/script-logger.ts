/** Writes log lines of scripts to stderr in a readable form. */
import { Writable } from 'node:stream'
import { printable, printableLines } from '@siplet/engine'
import { type Logger, pino } from 'pino'
import pretty from 'pino-pretty'

import { INDENT } from './talk.ts'

/** Moves to the start of the line and clears it. A progress bar may be there; it is drawn again below. */
const CLEAR_LINE = '\r\x1b[2K'

/**
 * @param level a level of pino, or `silent`
 * @param options `timestamps` starts each line with the time: ISO 8601, UTC, with milliseconds
 */
export function scriptLogger(level: string, { timestamps = false } = {}): Logger {
  const stream = pretty({
    destination: process.stderr.isTTY ? aboveProgress() : 2,
    sync: true,
    colorize: Boolean(process.stderr.isTTY) && !process.env.NO_COLOR,
    ignore: `pid,hostname,${timestamps ? '' : 'time,'}rank,method,callId,code`,
    translateTime: "UTC:yyyy-mm-dd'T'HH:MM:ss.l'Z'",
    // As separate lines instead of one text with escapes.
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

/** What scripts log, readable, on stderr. */
import { type Logger, pino } from 'pino'
import pretty from 'pino-pretty'

/** @param level of pino, or `silent` */
export function scriptLogger(level: string): Logger {
  const stream = pretty({
    destination: 2,
    sync: true,
    colorize: Boolean(process.stderr.isTTY) && !process.env.NO_COLOR,
    ignore: 'pid,hostname,time,rank,method,callId,code',
    messageFormat: '{if rank}child {rank}: {end}{msg}{if callId} (Call-ID {callId}){end}',
  })
  return pino({ level }, stream)
}

/** What the proxy logs of itself. */
import { type Logger, printableLines, type Route } from '@siplet/engine'
import type { IncomingRequest } from './core/incoming.ts'
import type { Boundary } from './guard.ts'
import type { RoutedRequest } from './script/route-call.ts'

const LEVELS: Record<string, keyof Logger> = {
  L_ALERT: 'fatal',
  L_CRIT: 'fatal',
  L_ERR: 'error',
  L_WARN: 'warn',
  L_NOTICE: 'info',
  L_INFO: 'info',
  L_DBG: 'debug',
}

/** Begins further lines of an entry: neither a script nor a message must write a line that looks like another one. */
const INDENT = '    '

export class ProxyLog {
  readonly #logger: Logger
  readonly #perSecond: number
  #second = 0
  #lines = 0

  /** @param perSecond lines at most; what a dead next hop and a flood write is the same line again and again */
  constructor(logger: Logger, perSecond: number) {
    this.#logger = logger
    this.#perSecond = perSecond
  }

  noTarget({ message }: IncomingRequest, error: Error): void {
    this.#write('warn', { callId: message.callId, code: Reflect.get(error, 'code') }, error.message)
  }

  /** Something that must not happen: an exception in the proxy, caught at a boundary. */
  fault(error: Error, at: Boundary, callId: string | null): void {
    this.#write('error', { callId, at, stack: error.stack }, `fault at ${at}: ${error.message}`)
  }

  /** The script took away what has to stay. */
  damaged(route: Route, header: string, callId: string | null): void {
    this.#write(
      'error',
      { callId },
      `${route} must leave ${header} as it is; what it did was not carried out`,
    )
  }

  xlog(level: string, text: string, { message }: RoutedRequest): void {
    this.#write(LEVELS[level] ?? 'error', { callId: message.callId }, text.replace(/\r?\n$/, ''))
  }

  info(text: string): void {
    this.#logger.info({}, printableLines(text, INDENT))
  }

  #write(level: keyof Logger, fields: object, text: string): void {
    const second = Math.floor(performance.now() / 1_000)
    if (second !== this.#second) {
      this.#second = second
      this.#lines = 0
    }
    if (this.#lines++ >= this.#perSecond) return
    try {
      this.#logger[level](printableFields(fields), printableLines(text, INDENT))
    } catch {
      // A logger that throws, for a full disk or a closed pipe, must not cost a call.
    }
  }
}

function printableFields(fields: object): object {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'string' ? printableLines(value, INDENT) : value,
    ]),
  )
}

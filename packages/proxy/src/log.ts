/** What the proxy logs of itself. */
import { type Logger, printable, type Route } from '@siplet/engine'
import type { IncomingRequest } from './core/incoming.ts'
import type { Boundary } from './guard.ts'
import type { RoutedRequest } from './script/route-call.ts'
import { hostPort } from './transport/transport.ts'

const LEVELS = new Map<string, keyof Logger>([
  ['L_ALERT', 'fatal'],
  ['L_CRIT', 'fatal'],
  ['L_ERR', 'error'],
  ['L_WARN', 'warn'],
  ['L_NOTICE', 'info'],
  ['L_INFO', 'info'],
  ['L_DBG', 'debug'],
])
/** What a script or a peer may make of one line. */
const MAX_TEXT = 8_192

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

  /** The proxy itself answers a request with a failure: the one line that tells of it. */
  refused({ message, flow }: Pick<IncomingRequest, 'message' | 'flow'>, status: number, why: string): void {
    const from = `${flow.transport} ${hostPort(...flow.remote)}`
    this.#write(
      'warn',
      { callId: message.callId },
      `${message.method} from ${from} refused with ${status}: ${why}`,
    )
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
    this.#write(LEVELS.get(level) ?? 'error', { callId: message.callId }, text.replace(/\r?\n$/, ''))
  }

  info(text: string): void {
    this.#logger.info({}, oneLine(text))
  }

  #write(level: keyof Logger, fields: object, text: string): void {
    const second = Math.floor(performance.now() / 1_000)
    if (second !== this.#second) {
      this.#second = second
      this.#lines = 0
    }
    if (this.#lines++ >= this.#perSecond) return
    try {
      this.#logger[level](printableFields(fields), oneLine(text))
    } catch {
      // A logger that throws, for a full disk or a closed pipe, must not cost a call.
    }
  }
}

function printableFields(fields: object): object {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === 'string' ? oneLine(value) : value]),
  )
}

/** Peers and scripts choose the text: it stays one line, and moves no cursor. */
function oneLine(text: string): string {
  return printable(text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}...` : text)
}

/** Log lines of the proxy itself. */
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
/** Longest text of a script or a peer in one entry, in characters. */
const MAX_TEXT = 8_192

export class ProxyLog {
  readonly #logger: Logger
  readonly #perSecond: number
  #second = 0
  #lines = 0

  /**
   * @param perSecond upper bound on lines per second. A dead next hop or a flood causes the same line again and again.
   */
  constructor(logger: Logger, perSecond: number) {
    this.#logger = logger
    this.#perSecond = perSecond
  }

  /** Logs that the proxy itself answers a request with a failure. */
  refused({ message, flow }: Pick<IncomingRequest, 'message' | 'flow'>, status: number, why: string): void {
    const from = `${flow.transport} ${hostPort(...flow.remote)}`
    this.#write(
      'warn',
      { callId: message.callId },
      `${message.method} from ${from} refused with ${status}: ${why}`,
    )
  }

  /** Logs an exception in the proxy that a boundary caught. */
  fault(error: Error, at: Boundary, callId: string | null): void {
    this.#write('error', { callId, at, stack: error.stack }, `fault at ${at}: ${error.message}`)
  }

  /** Logs that the script removed or changed a header that must stay. */
  damaged(route: Route, header: string, callId: string | null): void {
    this.#write(
      'error',
      { callId },
      `${route} must not change or remove ${header}; none of its actions were carried out`,
    )
  }

  xlog(level: string, text: string, { message }: RoutedRequest): void {
    this.#write(LEVELS.get(level) ?? 'error', { callId: message.callId }, text.replace(/\r?\n$/, ''))
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
      // A logger that throws, because of a full disk or a closed pipe, must not cost a call.
    }
  }
}

function printableFields(fields: object): object {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === 'string' ? oneLine(value) : value]),
  )
}

/** Returns the text as one line without control characters, because peers and scripts choose it. */
function oneLine(text: string): string {
  return printable(text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}...` : text)
}

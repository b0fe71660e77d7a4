/** Counters of one proxy in the text format of Prometheus. */
import type { Route } from '@siplet/engine'
import { Counter, Gauge, Registry } from 'prom-client'

/** Values of `dropped_total{reason}` that the core adds to those of the transports. */
export type CoreDrop = 'no-via' | 'stray-reply' | 'unsent-reply' | 'unsent-request' | 'no-target' | 'failed'

/** Methods with a label of their own; peers may invent as many as they like. */
const METHODS =
  'INVITE ACK BYE CANCEL OPTIONS REGISTER PRACK UPDATE INFO SUBSCRIBE NOTIFY REFER MESSAGE PUBLISH'.split(' ')

/** What is looked up when the metrics are asked for. */
export interface Gauges {
  transactions(): { client: number; server: number }
  connections(): number
  unfinished(): number
}

export class ProxyMetrics {
  readonly #registry = new Registry()
  readonly #requests = this.#counter('requests_received_total', 'Requests that came in.', 'method')
  readonly #replies = this.#counter('replies_received_total', 'Replies that came in.', 'class')
  readonly #sent = this.#counter('messages_sent_total', 'Requests sent, retransmissions aside.', 'type')
  readonly #replied = this.#counter(
    'replies_sent_total',
    'Replies sent upstream, retransmissions aside.',
    'class',
  )
  readonly #refused = this.#counter('requests_refused_total', 'Requests refused before the script.', 'status')
  readonly #dropped = this.#counter('dropped_total', 'What was not taken or could not be sent.', 'reason')
  readonly #scriptErrors = this.#counter(
    'script_errors_total',
    'Methods that failed or returned false.',
    'route',
  )
  readonly #retransmissions = new Counter({
    name: 'siplet_proxy_retransmissions_total',
    help: 'Messages sent or received again.',
    registers: [this.#registry],
  })

  constructor(gauges: Gauges) {
    this.#gauge('transactions', 'Transactions that are not terminated.', ['side'], (gauge) => {
      const { client, server } = gauges.transactions()
      gauge.set({ side: 'client' }, client)
      gauge.set({ side: 'server' }, server)
    })
    this.#gauge('connections', 'Connections that are open.', [], (gauge) => gauge.set(gauges.connections()))
    this.#gauge('unfinished', 'Requests that are not answered yet.', [], (gauge) =>
      gauge.set(gauges.unfinished()),
    )
  }

  received(method: string): void {
    this.#requests.inc({ method: METHODS.includes(method) ? method : 'other' })
  }

  receivedReply(status: number): void {
    this.#replies.inc({ class: classOf(status) })
  }

  sent(type: 'request'): void {
    this.#sent.inc({ type })
  }

  replied(status: number): void {
    this.#replied.inc({ class: classOf(status) })
  }

  refused(status: number): void {
    this.#refused.inc({ status: String(status) })
  }

  dropped(reason: string): void {
    this.#dropped.inc({ reason })
  }

  scriptFailed(route: Route): void {
    this.#scriptErrors.inc({ route })
  }

  retransmitted(): void {
    this.#retransmissions.inc()
  }

  text(): Promise<string> {
    return this.#registry.metrics()
  }

  #counter<T extends string>(name: string, help: string, label: T): Counter<T> {
    return new Counter({
      name: `siplet_proxy_${name}`,
      help,
      labelNames: [label],
      registers: [this.#registry],
    })
  }

  #gauge(name: string, help: string, labelNames: string[], collect: (gauge: Gauge) => void): void {
    new Gauge({
      name: `siplet_proxy_${name}`,
      help,
      labelNames,
      registers: [this.#registry],
      collect() {
        collect(this)
      },
    })
  }
}

function classOf(status: number): string {
  return `${Math.floor(status / 100)}xx`
}

/** Counters of one proxy, in the text format of Prometheus. */
import type { Route } from '@siplet/engine'
import { Counter, Gauge, Registry } from 'prom-client'
import type { Boundary } from './guard.ts'
import type { DropReason } from './transport/transport.ts'

/** Values of `dropped_total{reason}` that the core adds to those of the transports. */
type CoreDrop = 'no-via' | 'stray-reply' | 'unsent-reply' | 'unsent-request' | 'no-target'

/** Methods that get their own label. Other methods share one, because peers may invent any number of them. */
const METHODS = new Set(
  'INVITE ACK BYE CANCEL OPTIONS REGISTER PRACK UPDATE INFO SUBSCRIBE NOTIFY REFER MESSAGE PUBLISH'.split(
    ' ',
  ),
)

/** Values that are read when the metrics are requested. */
export interface Gauges {
  transactions(): { client: number; server: number }
  connections(): number
  unfinished(): number
}

/** Counts events by the value of one label. It is updated for each message, so it must cost almost nothing. */
class Tally {
  readonly counts = new Map<string, number>()

  add(value: string): void {
    this.counts.set(value, (this.counts.get(value) ?? 0) + 1)
  }
}

export class ProxyMetrics {
  readonly #registry = new Registry()
  readonly #requests = this.#tally('requests_received_total', 'Requests that came in.', 'method')
  readonly #replies = this.#tally('replies_received_total', 'Replies that came in.', 'class')
  readonly #sent = this.#tally('messages_sent_total', 'Requests sent, retransmissions aside.', 'type')
  readonly #replied = this.#tally(
    'replies_sent_total',
    'Replies sent upstream, retransmissions aside.',
    'class',
  )
  readonly #refused = this.#tally('requests_refused_total', 'Requests refused before the script.', 'status')
  readonly #dropped = this.#tally('dropped_total', 'What was not taken or could not be sent.', 'reason')
  readonly #scriptErrors = this.#tally(
    'script_errors_total',
    'Methods that failed or returned false.',
    'route',
  )
  readonly #faults = this.#tally(
    'faults_total',
    'Exceptions in the proxy itself, by the boundary that caught them; each is logged.',
    'at',
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
    this.#requests.add(METHODS.has(method) ? method : 'other')
  }

  receivedReply(status: number): void {
    this.#replies.add(classOf(status))
  }

  sent(type: 'request'): void {
    this.#sent.add(type)
  }

  replied(status: number): void {
    this.#replied.add(classOf(status))
  }

  refused(status: number): void {
    this.#refused.add(String(status))
  }

  dropped(reason: CoreDrop | DropReason): void {
    this.#dropped.add(reason)
  }

  faulted(at: Boundary): void {
    this.#faults.add(at)
  }

  scriptFailed(route: Route): void {
    this.#scriptErrors.add(route)
  }

  retransmitted(): void {
    this.#retransmissions.inc()
  }

  text(): Promise<string> {
    return this.#registry.metrics()
  }

  #tally(name: string, help: string, label: string): Tally {
    const tally = new Tally()
    new Counter({
      name: `siplet_proxy_${name}`,
      help,
      labelNames: [label],
      registers: [this.#registry],
      collect() {
        this.reset()
        for (const [value, count] of tally.counts) this.inc({ [label]: value }, count)
      },
    })
    return tally
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

const CLASSES = Array.from({ length: 10 }, (_, hundreds) => `${hundreds}xx`)

function classOf(status: number): string {
  return CLASSES[Math.floor(status / 100)]!
}

/**
 * Exports the counters of an engine in the format of Prometheus. stats.ts keeps the counters; this file reads them on
 * request.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { printable } from './printable.ts'
import type { EngineStats } from './stats.ts'

/** Bucket bounds in seconds, from the duration of an inline call to the time after which callers give up. */
const BUCKETS = [10e-6, 30e-6, 100e-6, 300e-6, 1e-3, 3e-3, 10e-3, 30e-3, 100e-3, 300e-3, 1, 3]

export class EngineMetrics {
  readonly #registry = new Registry()
  readonly #latency: Histogram

  #stats: EngineStats | undefined

  constructor() {
    const stats = () => this.#stats!
    const registers = [this.#registry]
    this.#latency = new Histogram({
      name: 'siplet_exec_duration_seconds',
      help: 'Time from exec() to its answer',
      buckets: BUCKETS,
      registers,
    })
    const counter = (
      name: string,
      help: string,
      label: string,
      values: () => [string[], number][],
      ...more: string[]
    ) =>
      new Counter({
        name,
        help,
        labelNames: [label, ...more],
        registers,
        collect() {
          this.reset()
          for (const [labels, value] of values()) this.labels(...labels).inc(value)
        },
      })
    const gauge = (name: string, help: string, value: (child: EngineStats['children'][number]) => number) =>
      new Gauge({
        name,
        help,
        labelNames: ['rank'],
        registers,
        collect() {
          for (const child of stats().children) this.labels(String(child.rank)).set(value(child))
        },
      })
    counter(
      'siplet_execs_total',
      'Answers by method and outcome; an error is false',
      'method',
      () =>
        Object.entries(stats().methods).flatMap(([method, verdicts]) =>
          Object.entries(verdicts).map(([outcome, count]): [string[], number] => [
            [printable(method), outcome],
            count,
          ]),
        ),
      'outcome',
    )
    counter('siplet_errors_total', 'Answers and refusals with an error, by code', 'code', () =>
      byName(stats().errors),
    )
    counter('siplet_rebuilds_total', 'Children built again, by cause', 'cause', () =>
      byName(stats().rebuilds),
    )
    counter('siplet_reloads_total', 'Reloads by result', 'result', () => byName(stats().reloads))
    counter('siplet_log_lines_dropped_total', 'Log lines of scripts beyond the limit', 'reason', () => [
      [['rate'], stats().logLinesDropped],
    ])
    gauge('siplet_queue_depth', 'Execs waiting for a child', ({ queued }) => queued)
    gauge('siplet_child_heap_bytes', 'Heap of the isolate of a child', ({ heapBytes }) => heapBytes)
    gauge('siplet_child_degraded', '1 where a child does not come up', ({ state }) =>
      Number(state === 'degraded'),
    )
  }

  /** Records that an exec was answered after `ms` milliseconds. */
  answered(ms: number): void {
    this.#latency.observe(ms / 1_000)
  }

  /** Returns the text for Prometheus. `stats` are the counters at this moment. */
  text(stats: EngineStats): Promise<string> {
    this.#stats = stats
    return this.#registry.metrics()
  }
}

function byName(counts: object): [string[], number][] {
  return Object.entries(counts).map(([name, count]): [string[], number] => [[name], count])
}

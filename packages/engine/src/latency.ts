/**
 * How long execs took, as a histogram of Prometheus. prom-client's own turns every bound into a property name at each
 * observation, which costs as much as running a small method; this one only adds.
 */
import type { Metric, Registry } from 'prom-client'

/** Upper bounds of the buckets in seconds: from what an inline call takes to where callers give up. */
const BOUNDS = [10e-6, 30e-6, 100e-6, 300e-6, 1e-3, 3e-3, 10e-3, 30e-3, 100e-3, 300e-3, 1, 3]

export class LatencyHistogram {
  readonly #name: string
  readonly #help: string
  /** One a bound, and one for what is beyond the last. */
  readonly #counts = new Float64Array(BOUNDS.length + 1)
  #seconds = 0

  constructor(name: string, help: string, registry: Registry) {
    this.#name = name
    this.#help = help
    // The registry takes whatever has a name and this method; its types know prom-client's own classes only.
    registry.registerMetric({ name, get: async () => this.#metric() } as unknown as Metric)
  }

  observe(seconds: number): void {
    let bucket = 0
    while (bucket < BOUNDS.length && seconds > BOUNDS[bucket]!) bucket++
    this.#counts[bucket]!++
    this.#seconds += seconds
  }

  #metric() {
    const name = this.#name
    let count = 0
    const values: { metricName: string; labels: object; value: number }[] = []
    for (const [bucket, more] of this.#counts.entries()) {
      count += more
      values.push({ metricName: `${name}_bucket`, labels: { le: BOUNDS[bucket] ?? '+Inf' }, value: count })
    }
    values.push({ metricName: `${name}_sum`, labels: {}, value: this.#seconds })
    values.push({ metricName: `${name}_count`, labels: {}, value: count })
    return { name, help: this.#help, type: 'histogram', aggregator: 'sum', values }
  }
}

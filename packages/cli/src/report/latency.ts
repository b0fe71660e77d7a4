/** Run times of script calls: percentiles from HdrHistogram, and bins for a chart with a logarithmic axis. */
import { build } from 'hdr-histogram-js'
import type { LatencyData } from './format.ts'

/** Four bins make a factor of two. */
const BIN_BASE = 2 ** (1 / 4)
/** HdrHistogram counts integers: tenths of microseconds, up to 100 seconds. */
const HIGHEST_TENTHS = 1_000_000_000

export class Latency {
  readonly #histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: HIGHEST_TENTHS,
    numberOfSignificantValueDigits: 3,
  })
  readonly #bins = new Map<number, number>()

  /** @param us microseconds in the isolate */
  add(us: number): void {
    this.#histogram.recordValue(Math.min(HIGHEST_TENTHS, Math.round(us * 10)))
    const bin = Math.ceil(Math.log(Math.max(us, 0.1)) / Math.log(BIN_BASE))
    this.#bins.set(bin, (this.#bins.get(bin) ?? 0) + 1)
  }

  data(): LatencyData {
    if (this.#bins.size === 0) return { binBase: BIN_BASE, firstBin: 0, counts: [], percentiles: null }
    const firstBin = Math.min(...this.#bins.keys())
    const lastBin = Math.max(...this.#bins.keys())
    const counts = Array.from({ length: lastBin - firstBin + 1 }, (_, k) => this.#bins.get(firstBin + k) ?? 0)
    const at = (percentile: number) => this.#histogram.getValueAtPercentile(percentile) / 10
    return {
      binBase: BIN_BASE,
      firstBin,
      counts,
      percentiles: {
        p50: at(50),
        p90: at(90),
        p99: at(99),
        p999: at(99.9),
        max: this.#histogram.maxValue / 10,
        mean: Math.round(this.#histogram.mean) / 10,
      },
    }
  }
}

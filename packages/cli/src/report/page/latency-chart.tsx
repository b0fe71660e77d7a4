/** A chart of the script's run times on a logarithmic axis, with percentiles. */
import { useMemo } from 'preact/hooks'
import uPlot from 'uplot'
import type { LatencyData, ReportIndex } from '../format.ts'
import { axis, Chart } from './chart.tsx'
import { count, duration } from './words.ts'

const PERCENTILES = [
  ['p50', 'p50'],
  ['p90', 'p90'],
  ['p99', 'p99'],
  ['p99.9', 'p999'],
  ['max', 'max'],
] as const

export function LatencyChart({ index }: { index: ReportIndex }) {
  const { latency } = index
  const data = useMemo(() => bars(latency), [latency])
  const { percentiles } = latency
  if (percentiles === null) return null
  const { firstBin, counts, binBase } = latency
  // Room at both sides, so that a single bar still looks like a bar.
  const low = binBase ** (firstBin - 3)
  const high = binBase ** (firstBin + counts.length + 2)

  const options = (color: (name: string) => string): Omit<uPlot.Options, 'width' | 'height'> => ({
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: {
      x: { time: false, distr: 3, range: [low, high] },
      y: { range: (_, __, max) => [0, max * 1.05 || 1] },
    },
    axes: [
      axis(color, {
        splits: () => roundTimes(low, high),
        filter: (_, splits) => splits,
        values: (_, ticks) => ticks.map(duration),
      }),
      axis(color, {
        size: 56,
        values: (_, ticks) => ticks.map((n) => (Number.isInteger(n) ? count(n) : '')),
      }),
    ],
    series: [
      {
        label: 'Run time',
        value: (_, __, ___, at) =>
          at === null
            ? ''
            : `${duration(binBase ** (firstBin + at - 1))} – ${duration(binBase ** (firstBin + at))}`,
      },
      {
        label: 'messages',
        fill: color('--accent'),
        stroke: color('--accent'),
        width: 0,
        points: { show: false },
        paths: uPlot.paths.bars!({ size: [1, 100], gap: 1 }),
        value: (_, messages) => (messages === null ? '' : count(messages)),
      },
    ],
  })
  const words = `median ${duration(percentiles.p50)}, 99 % within ${duration(percentiles.p99)}, longest ${duration(percentiles.max)}`
  return (
    <section class="panel" aria-labelledby="latency-title">
      <h2 id="latency-title">Run time of the script</h2>
      <p class="hint">messages per run time; those of a batch share the time of the batch</p>
      <p class="hint percentiles">
        {PERCENTILES.map(([name, key]) => (
          <span key={key}>
            {name} <b>{duration(percentiles[key])}</b>
          </span>
        ))}
      </p>
      <Chart label={`Run time of the script: ${words}`} height={180} options={options} data={data} />
    </section>
  )
}

/** Returns a bar in the middle of each bin. */
function bars({ firstBin, counts, binBase }: LatencyData): uPlot.AlignedData {
  return [counts.map((_, k) => binBase ** (firstBin + k - 0.5)), counts]
}

/** Returns round numbers for every power of ten between low and high; fewer if there would be too many. */
function roundTimes(low: number, high: number): number[] {
  const times: number[] = []
  const factors = high / low > 500 ? [1] : high / low > 10 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 6, 8]
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const factor of factors) times.push(factor * 10 ** power)
  }
  return times.filter((time) => time >= low && time <= high)
}

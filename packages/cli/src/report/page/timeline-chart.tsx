/** A stacked chart of decisions over time. Dragging over a span makes it a filter. */
import { useMemo } from 'preact/hooks'
import uPlot from 'uplot'
import { DECISIONS, type ReportIndex } from '../format.ts'
import { axis, Chart } from './chart.tsx'
import type { TimeRange } from './search.ts'
import { count, duration } from './words.ts'

/** From bottom to top, as indexes into DECISIONS. */
const STACK = (['true', 'stop', 'false', 'not run', 'error'] as const).map((name) => DECISIONS.indexOf(name))
/** uPlot's own formats with 24 hours and ISO dates. The second line has the part that changes with a longer unit. */
const TIMES: uPlot.Axis.Values = [
  [365 * 86_400_000, '{YYYY}', ...repeat(null, 6), 1],
  [28 * 86_400_000, '{YYYY}-{MM}', ...repeat(null, 6), 1],
  [86_400_000, '{MM}-{DD}', '\n{YYYY}', ...repeat(null, 5), 1],
  [60_000, '{HH}:{mm}', '\n{YYYY}-{MM}-{DD}', null, '\n{MM}-{DD}', ...repeat(null, 3), 1],
  [1_000, '{HH}:{mm}:{ss}', '\n{YYYY}-{MM}-{DD}', null, '\n{MM}-{DD}', ...repeat(null, 3), 1],
  [
    1,
    '{ss}.{fff}',
    '\n{YYYY}-{MM}-{DD} {HH}:{mm}',
    null,
    '\n{MM}-{DD} {HH}:{mm}',
    null,
    '\n{HH}:{mm}',
    null,
    1,
  ],
]
const COLORS = ['--true', '--false', '--stop', '--error', '--not-run']

export function TimelineChart({ index, onRange }: { index: ReportIndex; onRange(range: TimeRange): void }) {
  const { width, spans } = index.timeline
  const first = spans[0] ?? 0
  const length = (spans.at(-1) ?? 0) - first + 1
  const counts = useMemo(() => filled(index), [index])
  const data = useMemo(() => stacked(counts, first, width), [counts])
  const present = [...STACK].reverse().filter((decision) => index.decisions[decision]! > 0)

  const options = (color: (name: string) => string): Omit<uPlot.Options, 'width' | 'height'> => ({
    ms: 1,
    tzDate: (time) => uPlot.tzDate(new Date(time), 'Etc/UTC'),
    cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
    scales: {
      x: { time: true, range: [first * width, (first + length) * width] },
      y: { range: (_, __, max) => [0, max * 1.05 || 1] },
    },
    axes: [
      // Space for hours, minutes and seconds.
      axis(color, { values: TIMES, space: 64 }),
      axis(color, { size: 56, values: (_, ticks) => ticks.map(wholeCount) }),
    ],
    series: [
      { label: 'Time (UTC)', value: (_, time) => (time === null ? '' : spanLabel(time, width)) },
      // The tallest series is drawn first, and the lower ones over it.
      ...present.map((decision) => ({
        label: DECISIONS[decision]!,
        fill: color(COLORS[decision]!),
        stroke: color(COLORS[decision]!),
        width: 0,
        points: { show: false },
        paths: uPlot.paths.bars!({ size: [1, 100], gap: length > 60 ? 0 : 1 }),
        value: (_: uPlot, __: number, ___: number, at: number | null) =>
          at === null ? '' : count(counts[decision]![at]!),
      })),
    ],
    hooks: {
      setSelect: [
        (plot) => {
          const { left, width: selected } = plot.select
          if (selected < 4) return
          const at = (pixels: number) => (plot.posToVal(pixels, 'x') - Number(index.start) * 1_000) * 1_000
          onRange({ from: Math.floor(at(left)), to: Math.ceil(at(left + selected)) })
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
        },
      ],
    },
  })
  const shown = useMemo(
    () => [data[0]!, ...present.map((decision) => data[STACK.indexOf(decision) + 1]!)] as uPlot.AlignedData,
    [data],
  )
  const totals = DECISIONS.map((name, k) => `${name} ${count(index.decisions[k]!)}`).join(', ')
  return (
    <section class="panel" aria-labelledby="timeline-title">
      <h2 id="timeline-title">Decisions over time</h2>
      <p class="hint">messages per {duration(width * 1_000)}; drag over a span to see its calls only</p>
      <Chart label={`Decisions over time: ${totals}`} height={180} options={options} data={shown} />
    </section>
  )
}

function repeat<Value>(value: Value, times: number): Value[] {
  return new Array<Value>(times).fill(value)
}

/** Returns the counts of every span from the first to the last, by decision. */
function filled({ timeline: { spans, counts } }: ReportIndex): number[][] {
  const first = spans[0] ?? 0
  const length = spans.length === 0 ? 0 : spans.at(-1)! - first + 1
  const result = DECISIONS.map(() => new Array<number>(length).fill(0))
  for (const [k, span] of spans.entries()) {
    for (const [decision, value] of counts[k]!.entries()) result[decision]![span - first] = value
  }
  return result
}

function stacked(counts: number[][], first: number, width: number): number[][] {
  const length = counts[0]!.length
  const sums = new Array<number>(length).fill(0)
  return [
    Array.from({ length }, (_, k) => (first + k + 0.5) * width),
    ...STACK.map((decision) => {
      for (let k = 0; k < length; k++) sums[k]! += counts[decision]![k]!
      return [...sums]
    }),
  ]
}

function spanLabel(middle: number, width: number): string {
  const begin = new Date(middle - width / 2).toISOString()
  return `${begin.slice(0, 10)} ${begin.slice(11, width < 1_000 ? 23 : 19)}`
}

function wholeCount(value: number): string {
  return Number.isInteger(value) ? count(value) : ''
}

/**
 * Sends three times as many execs as the engine can answer: `npm run overload [seconds]`, five by default. Checks
 * that execs beyond limits.maxQueue are refused at once, that accepted execs wait no longer than a full queue takes,
 * and that memory stays bounded.
 */
import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { createEngine } from '@siplet/engine'
import * as hdr from 'hdr-histogram-js'
import { type FigureRow, type Figures, figuresText } from '../packages/cli/src/bench/figures.ts'
import { subject } from './support/subject.ts'

const TIMES = 3
const MAX_QUEUE = 2_000
/** Upper bound on execs made in one turn of the event loop. */
const SLICE = 256
const MIB = 2 ** 20

export async function run(seconds = 5): Promise<Figures[]> {
  const { engine: options, method, message } = subject
  const rows: FigureRow[] = []
  for (const isolation of ['thread', 'process'] as const) {
    await using engine = await createEngine({
      ...options,
      isolation,
      affinity: 'none',
      // A machine that is this busy may take a core away for longer than the default limit.
      limits: { maxQueue: MAX_QUEUE, timeoutMs: 1_000 },
    })
    // V8 compiles in the first seconds.
    await offered(engine, Number.POSITIVE_INFINITY, seconds / 4)
    const capacity = await offered(engine, Number.POSITIVE_INFINITY, seconds / 4)
    const before = process.memoryUsage.rss()
    const { accepted, refused, histogram, elapsed, peak } = await offered(
      engine,
      (TIMES * 1_000 * capacity.accepted) / capacity.elapsed,
      seconds,
    )
    rows.push({
      name: isolation,
      'capacity/s': (1_000 * capacity.accepted) / capacity.elapsed,
      'offered/s': (1_000 * (accepted + refused)) / elapsed,
      'answered/s': (1_000 * accepted) / elapsed,
      'refused %': (100 * refused) / (accepted + refused),
      'p50 ms': histogram.getValueAtPercentile(50) / 1_000,
      'p99 ms': histogram.getValueAtPercentile(99) / 1_000,
      'RSS before': before / MIB,
      'RSS peak': peak / MIB,
    })
  }
  async function offered(
    engine: Awaited<ReturnType<typeof createEngine>>,
    perSecond: number,
    forSeconds: number,
  ) {
    const histogram = hdr.build()
    let [sent, accepted, refused, peak] = [0, 0, 0, 0]
    const start = performance.now()
    const take = async (at: number) => {
      const { error } = await engine.exec(method, message)
      if (error === null) {
        accepted++
        histogram.recordValue(Math.max(1, Math.round(1_000 * (performance.now() - at))))
      } else {
        assert.equal(error.code, 'ERR_SIPLET_OVERLOAD')
        refused++
      }
    }
    for (let now = start; now < start + 1_000 * forSeconds; now = performance.now()) {
      // Without a rate: as many as the queue accepts, so that none is refused.
      const due = Number.isFinite(perSecond)
        ? ((now - start) * perSecond) / 1_000
        : accepted + refused + MAX_QUEUE
      // Like a socket: input is taken in slices, so that answers are handled in between.
      const slice = Math.min(due, sent + SLICE)
      for (; sent < slice; sent++) take(performance.now())
      peak = Math.max(peak, process.memoryUsage.rss())
      await setImmediate()
    }
    while (accepted + refused < sent) await setImmediate()
    return { accepted, refused, histogram, peak, elapsed: performance.now() - start }
  }
  return [
    {
      title: `overload, ${TIMES} times the capacity`,
      columns: {
        'capacity/s': 0,
        'offered/s': 0,
        'answered/s': 0,
        'refused %': 0,
        'p50 ms': 1,
        'p99 ms': 1,
        'RSS before': 0,
        'RSS peak': 0,
      },
      rows,
      note: `limits.maxQueue is ${MAX_QUEUE}; ${seconds} s each. Every exec was answered exactly once. MiB. Sender and engine share a thread.`,
    },
  ]
}

if (import.meta.main) {
  const [seconds = 5] = process.argv.slice(2).map(Number)
  if (!(seconds > 0)) {
    console.error('usage: npm run overload [seconds]')
    process.exit(2)
  }
  for (const figures of await run(seconds)) console.log(figuresText(figures))
}

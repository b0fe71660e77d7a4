/**
 * Measures a reload, idle and under load, and its effect on the execs of that time. As a program,
 * `npm run reloads [number] [isolation]`, 1,000 by default, checks that memory stays flat under load.
 */
import { createEngine, type EngineOptions } from '@siplet/engine'
import * as hdr from 'hdr-histogram-js'
import { type FigureRow, type Figures, figuresText } from '../packages/cli/src/bench/figures.ts'
import { subject } from './support/subject.ts'

const ROUNDS = 9
const UNDER_WAY = 64
const LINES = 10
const MIB = 2 ** 20

export async function run(): Promise<Figures[]> {
  const { engine: options, method, message } = subject
  const rows: FigureRow[] = []
  for (const isolation of ['inline', 'thread'] as const) {
    for (const busy of [false, true]) {
      await using engine = await createEngine({ ...options, isolation, children: 2 })
      const histogram = hdr.build()
      let ended = false
      const lane = async () => {
        while (!ended) {
          const start = performance.now()
          const { error } = await engine.exec(method, message)
          if (error !== null) throw error
          histogram.recordValue(Math.max(1, Math.round(1_000 * (performance.now() - start))))
          // The other isolations return to the event loop by themselves.
          if (isolation === 'inline') await new Promise(setImmediate)
        }
      }
      const load = busy ? Array.from({ length: UNDER_WAY }, lane) : []
      const times: number[] = []
      for (let round = 0; round < ROUNDS; round++) {
        const start = performance.now()
        await engine.reload()
        times.push(performance.now() - start)
      }
      ended = true
      await Promise.all(load)
      rows.push({
        name: `${isolation}, 2 children, ${busy ? `${UNDER_WAY} execs under way` : 'idle'}`,
        'reload ms': times.sort((a, b) => a - b)[ROUNDS >> 1]!,
        ...(busy && {
          'p50 ms of an exec': histogram.getValueAtPercentile(50) / 1_000,
          'max ms of an exec': histogram.maxValue / 1_000,
        }),
      })
    }
  }
  return [
    {
      title: 'reload',
      columns: { 'reload ms': 1, 'p50 ms of an exec': 2, 'max ms of an exec': 1 },
      rows,
      note: 'Loading the script anew is part of the time. Execs run all the while; none fails.',
    },
  ]
}

/** Execs run all the time. Each must be answered without an error, exactly once. */
async function many(total: number, isolation: NonNullable<EngineOptions['isolation']>): Promise<Figures> {
  const { engine: options, method, message } = subject
  await using engine = await createEngine({
    ...options,
    isolation,
    children: 2,
    limits: { timeoutMs: 5_000 },
  })
  let ended = false
  let execs = 0
  const lane = async () => {
    while (!ended) {
      const { code, error } = await engine.exec(method, message)
      if (error !== null) throw error
      if (code !== 1) throw new Error(`answered with ${code}`)
      execs++
      if (isolation === 'inline') await new Promise(setImmediate)
    }
  }
  const load = Array.from({ length: UNDER_WAY }, lane)
  const rows: FigureRow[] = []
  const start = performance.now()
  for (let reloads = 1; reloads <= total; reloads++) {
    await engine.reload()
    if (reloads % Math.ceil(total / LINES) !== 0) continue
    rows.push({
      name: String(reloads),
      'RSS MiB': process.memoryUsage.rss() / MIB,
      'ms/reload': (performance.now() - start) / reloads,
      execs,
    })
  }
  ended = true
  await Promise.all(load)
  const stats = engine.stats()
  if (stats.execs !== execs || stats.reloads.done !== total) throw new Error('an exec or a reload was lost')
  return { title: `reloads, ${isolation}`, columns: { 'RSS MiB': 0, 'ms/reload': 1, execs: 0 }, rows }
}

if (import.meta.main) {
  const [total = '1000', isolation = 'thread'] = process.argv.slice(2)
  if (!/^[1-9]\d*$/.test(total) || !['inline', 'thread', 'process'].includes(isolation)) {
    console.error('usage: npm run reloads [number] [inline|thread|process]')
    process.exit(2)
  }
  console.log(figuresText(await many(Number(total), isolation as 'thread')))
}

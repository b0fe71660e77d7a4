/** What a reload takes, with nothing to do and under load, and what the execs of that time notice of it. */
import { createEngine } from '@siplet/engine'
import * as hdr from 'hdr-histogram-js'
import type { FigureRow, Figures } from '../packages/cli/src/bench/figures.ts'
import { subject } from './support/subject.ts'

const ROUNDS = 9
const UNDER_WAY = 64

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
          // The other isolations give way by themselves.
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

/**
 * Measures a single message through a worker thread and back, against piscina's round trip of the same bytes. The time
 * to wake a sleeping thread varies by a factor of five from second to second, with other work on the machine. So the
 * two take turns in short blocks, and the ratio is the median of the ratios of neighbouring blocks.
 */
import { createEngine } from '@siplet/engine'
import { Piscina } from 'piscina'
import type { Figures } from '../packages/cli/src/bench/figures.ts'
import { subject } from './support/subject.ts'

const BLOCKS = 200
const CALLS = 100

export const NAMES = { exec: 'thread exec', piscina: 'piscina echo' }
export const COLUMNS = { us: 'µs/message', ratio: '× piscina' }

export async function run(): Promise<Figures[]> {
  const { engine: options, method, message } = subject
  const text = message.toString('latin1')
  await using engine = await createEngine({ ...options, isolation: 'thread' })
  const piscina = new Piscina({
    filename: new URL('./support/echo.js', import.meta.url).href,
    minThreads: 1,
    maxThreads: 1,
  })
  const exec: number[] = []
  const echo: number[] = []
  for (let block = 0; block < BLOCKS; block++) {
    exec.push(await microseconds(() => engine.exec(method, message)))
    echo.push(await microseconds(() => piscina.run(text)))
  }
  await piscina.destroy()
  const half = BLOCKS >> 1
  const ratios = exec.slice(half).map((us, i) => us / echo[half + i]!)
  return [
    {
      title: 'lone message, worker and back',
      columns: { [COLUMNS.us]: 1, [COLUMNS.ratio]: 2 },
      rows: [
        { name: NAMES.exec, [COLUMNS.us]: median(exec.slice(half)), [COLUMNS.ratio]: median(ratios) },
        { name: NAMES.piscina, [COLUMNS.us]: median(echo.slice(half)), [COLUMNS.ratio]: 1 },
      ],
      note: `In turns of ${CALLS}; the first half of ${BLOCKS} turns warms up.`,
    },
  ]
}

/** Returns the mean of a block of calls, made one after the other. */
async function microseconds(call: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  for (let i = 0; i < CALLS; i++) await call()
  return ((performance.now() - start) * 1_000) / CALLS
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}

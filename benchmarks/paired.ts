/**
 * Measures the cost of a change: the engine of another checkout and of this one, case by case, in processes that take
 * turns (A B A B …), so that other work on the machine affects both. Shows medians, and the median of the ratios of the
 * pairs.
 *
 *   node benchmarks/paired.ts CHECKOUT [--pairs N] [part of a case's name] …
 *
 * The other checkout needs its dependencies installed. The unit us/message is processor time of all threads and of the
 * pool process.
 */
import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { type FigureRow, figuresText } from '../packages/cli/src/bench/figures.ts'

const CASE = fileURLToPath(new URL('./support/paired-case.ts', import.meta.url))
const HERE = fileURLToPath(new URL('..', import.meta.url))
const COLUMNS = { before: 2, now: 2, ratio: 3, 'lowest ratio': 3, 'highest ratio': 3 }

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { pairs: { type: 'string', default: '7' } },
})
const [checkout, ...parts] = positionals
if (checkout === undefined) {
  console.error('usage: node benchmarks/paired.ts CHECKOUT [--pairs N] [part of a name] …')
  process.exit(2)
}
const run = promisify(execFile)
const measure = async (folder: string, ...names: string[]): Promise<unknown> =>
  JSON.parse((await run(process.execPath, [CASE, folder, ...names])).stdout)

const names = (await measure(HERE)) as string[]
const rows: FigureRow[] = []
for (const name of names.filter((name) => parts.length === 0 || parts.some((part) => name.includes(part)))) {
  const pairs: { before: Record<string, number>; now: Record<string, number> }[] = []
  for (let i = 0; i < Number(values.pairs); i++) {
    const before = (await measure(resolve(checkout), name)) as Record<string, number>
    pairs.push({ before, now: (await measure(HERE, name)) as Record<string, number> })
  }
  for (const unit of Object.keys(pairs[0]!.now)) {
    const ratios = pairs.map(({ before, now }) => now[unit]! / before[unit]!).toSorted((a, b) => a - b)
    const row = {
      name: `${name}, ${unit}`,
      before: median(pairs.map(({ before }) => before[unit]!)),
      now: median(pairs.map(({ now }) => now[unit]!)),
      ratio: median(ratios),
      'lowest ratio': ratios[0],
      'highest ratio': ratios.at(-1),
    }
    rows.push(row)
    console.error(
      Object.values(row)
        .map((value) => (typeof value === 'number' ? value.toFixed(3) : value))
        .join('  '),
    )
  }
}
console.log(figuresText({ title: `pairs: ${values.pairs}`, columns: COLUMNS, rows }))

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!
}

/**
 * Measures CPU time per message of the proxy of another checkout and of this one. Both run at the same time, each with
 * its own SIPp on both sides, so that other work on the machine affects both.
 * `node benchmarks/proxy/paired.ts CHECKOUT [--pairs N]`; one pair of one isolation takes 40 s. The other checkout
 * needs its dependencies installed.
 */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { type FigureRow, figuresText } from '../../packages/cli/src/bench/figures.ts'
import { cpuOf } from './beside.ts'
import { SUBJECTS, type Subject } from './subjects.ts'

const COLUMNS = { before: 0, now: 0, ratio: 2, 'lowest ratio': 2, 'highest ratio': 2 }

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { pairs: { type: 'string', default: '5' } },
})
const [checkout] = positionals
if (checkout === undefined) {
  console.error('usage: node benchmarks/proxy/paired.ts CHECKOUT [--pairs N]')
  process.exit(2)
}
const there = pathToFileURL(resolve(checkout, 'benchmarks/proxy/subjects.ts')).href
const { SUBJECTS: before } = (await import(there)) as { SUBJECTS: Subject[] }
const rows: FigureRow[] = []
for (const subject of SUBJECTS.filter(({ name }) => name.startsWith('siplet'))) {
  const other = before.find(({ name }) => name === subject.name)
  if (other === undefined) continue
  const pairs: { before: number; now: number }[] = []
  for (let i = 0; i < Number(values.pairs); i++) {
    // Each uses both sets of ports in turn.
    const cpu = i % 2 === 0 ? await cpuOf(other, subject) : (await cpuOf(subject, other))?.toReversed()
    if (cpu == null) throw new Error(`${subject.name} does not start`)
    pairs.push({ before: cpu[0]!, now: cpu[1]! })
  }
  const ratios = pairs.map((pair) => pair.now / pair.before).toSorted((a, b) => a - b)
  rows.push({
    name: subject.name,
    before: median(pairs.map((pair) => pair.before)),
    now: median(pairs.map((pair) => pair.now)),
    ratio: median(ratios),
    'lowest ratio': ratios[0],
    'highest ratio': ratios.at(-1),
  })
}
console.log(figuresText({ title: `CPU µs/message, pairs: ${values.pairs}`, columns: COLUMNS, rows }))

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}

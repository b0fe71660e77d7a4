/** Runs all benchmarks, or those named: `pnpm bench [exec] [parse] [linearity]`. Writes the outcome to benchmarks/results.json. */
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import type { Outcome } from './support/report.ts'

const BENCHMARKS: Record<string, () => Promise<{ run(): Promise<Outcome[]> }>> = {
  exec: () => import('./exec.ts'),
  parse: () => import('./parse.ts'),
  linearity: () => import('./linearity.ts'),
}

const chosen = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(BENCHMARKS)
const results: Record<string, Outcome[]> = {}
for (const name of chosen) {
  const load = BENCHMARKS[name]
  if (load === undefined) {
    console.error(`no benchmark ${name}; there are ${Object.keys(BENCHMARKS).join(', ')}`)
    process.exit(2)
  }
  results[name] = await (await load()).run()
}
const machine = {
  cpu: cpus()[0]?.model,
  cores: cpus().length,
  node: process.version,
  v8: process.versions.v8,
}
const file = new URL('./results.json', import.meta.url)
writeFileSync(file, `${JSON.stringify({ date: new Date().toISOString(), machine, results }, null, 2)}\n`)

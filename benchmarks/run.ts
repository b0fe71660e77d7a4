/**
 * Runs all benchmarks, or the named ones: `pnpm bench [exec] [parse] …`. A run of all of them writes RESULTS.md and
 * results.json next to this file.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { cpus, release, totalmem, type } from 'node:os'
import { type Figures, figuresText } from '../packages/cli/src/bench/figures.ts'
import { goals } from './goals.ts'

const BENCHMARKS: Record<string, () => Promise<{ run(): Promise<Figures[]> }>> = {
  exec: () => import('./exec.ts'),
  lone: () => import('./lone.ts'),
  python: () => import('./python.ts'),
  kamailio: () => import('./peers/kamailio/kamailio.ts'),
  batches: () => import('./batches.ts'),
  'call-function': () => import('./call-function.ts'),
  children: () => import('./children.ts'),
  reload: () => import('./reload.ts'),
  latency: () => import('./latency.ts'),
  replay: () => import('./replay.ts'),
  proxy: () => import('./proxy/load.ts'),
  'proxy-linearity': () => import('./proxy/linearity.ts'),
  soak: () => import('./soak.ts'),
  parse: () => import('./parse.ts'),
  linearity: () => import('./linearity.ts'),
}

const named = process.argv.slice(2)
for (const name of named) {
  if (name in BENCHMARKS) continue
  console.error(`no benchmark ${name}; there are ${Object.keys(BENCHMARKS).join(', ')}`)
  process.exit(2)
}

const texts: string[] = []
const failed: string[] = []
const results: Record<string, Figures[]> = {}
for (const name of named.length > 0 ? named : Object.keys(BENCHMARKS)) {
  const { run } = await BENCHMARKS[name]!()
  try {
    results[name] = await run()
    for (const figures of results[name]) show(figures)
  } catch (error) {
    // The other benchmarks took minutes, so their results are kept.
    failed.push(name)
    console.error(`${name}:`, error)
  }
}
if (named.length === 0) {
  if (failed.length === 0) {
    results.goals = [goals(results)]
    show(results.goals[0]!)
  }
  write(results)
}
if (failed.length > 0) {
  console.error(`failed: ${failed.join(', ')}`)
  process.exitCode = 1
}

function show(figures: Figures): void {
  const text = figuresText(figures)
  texts.push(text)
  console.log(text)
}

function write(all: Record<string, Figures[]>): void {
  const date = new Date().toISOString()
  const machine = {
    system: `${type()} ${release()}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    v8: process.versions.v8,
    kamailio: version('kamailio', '-v'),
    tshark: version('tshark', '--version'),
  }
  const file = (name: string) => new URL(`./${name}`, import.meta.url)
  writeFileSync(file('results.json'), `${JSON.stringify({ date, machine, results: all }, null, 2)}\n`)
  const lines = [
    '# The last run of all benchmarks',
    '',
    `\`npm run bench\`, ${date}. Written by that command; the same numbers are in results.json.`,
    '',
    ...Object.entries(machine).map(([name, value]) => `- ${name}: ${value}`),
    ...(failed.length > 0 ? [`- failed, and so not here: ${failed.join(', ')}; nor are the goals`] : []),
    '',
    ...texts.flatMap((text) => ['```', text, '```', '']),
  ]
  writeFileSync(file('RESULTS.md'), lines.join('\n'))
}

/** Returns the first line of the version text of a tool. */
function version(command: string, option: string): string {
  try {
    const text = execFileSync(command, [option], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    return text.split('\n')[0]!.trim()
  } catch {
    return 'not installed'
  }
}

/**
 * Checks that memory stays flat however often a script ends its child:
 * `node benchmarks/rebuilds.ts [number] [isolation] [timeout|memory]`, 5,000 timeouts in `thread` by default.
 * Prints resident memory and open descriptors of this process after each tenth.
 */
import { readdirSync } from 'node:fs'
import { createEngine, type EngineOptions } from '@siplet/engine'
import { type FigureRow, type Figures, figuresText } from '../packages/cli/src/bench/figures.ts'
import { subject } from './support/subject.ts'
import { temporaryScript } from './support/temporary-script.ts'

const LINES = 10
const MIB = 2 ** 20
const SCRIPT = `function mod_init() {
  return {
    child_init() { return 0 },
    timeout() { for (;;); },
    memory() { const kept = []; for (;;) kept.push(new Array(10_000).fill(1)) },
  }
}`
const CODES = { timeout: 'ERR_SIPLET_TIMEOUT', memory: 'ERR_SIPLET_MEMORY' } as const

async function rebuilds(
  total: number,
  isolation: NonNullable<EngineOptions['isolation']>,
  how: keyof typeof CODES,
): Promise<Figures> {
  await using engine = await createEngine({
    scriptName: temporaryScript(SCRIPT),
    isolation,
    limits: { timeoutMs: how === 'timeout' ? 2 : 10_000, memoryMb: 8 },
    logger: SILENT,
  })
  const rows: FigureRow[] = []
  const start = performance.now()
  for (let done = 1; done <= total; done++) {
    const { error } = await engine.exec(how, subject.message)
    if (error?.code !== CODES[how]) throw new Error(`${CODES[how]} was expected`, { cause: error })
    if (done % Math.ceil(total / LINES) !== 0) continue
    rows.push({
      name: String(done),
      'RSS MiB': process.memoryUsage.rss() / MIB,
      descriptors: readdirSync('/proc/self/fd').length,
      'ms/rebuild': (performance.now() - start) / done,
    })
  }
  return {
    title: `rebuilds after ${how}, ${isolation}`,
    columns: { 'RSS MiB': 1, descriptors: 0, 'ms/rebuild': 1 },
    rows,
  }
}

const nothing = () => {}
const SILENT = { debug: nothing, info: nothing, warn: nothing, error: nothing, fatal: nothing }

const [total = '5000', isolation = 'thread', how = 'timeout'] = process.argv.slice(2)
if (
  !/^[1-9]\d*$/.test(total) ||
  !['inline', 'thread', 'process'].includes(isolation) ||
  !Object.hasOwn(CODES, how)
) {
  console.error('usage: node benchmarks/rebuilds.ts [number] [inline|thread|process] [timeout|memory]')
  process.exit(2)
}
console.log(figuresText(await rebuilds(Number(total), isolation as 'thread', how as 'timeout')))

/**
 * Checks that time limits cost neither memory nor the process: `node benchmarks/timers.ts [seconds]`, 60 by default,
 * at full speed for each limit. isolated-vm's own timers at the same rate end the process (laverdet/isolated-vm#572).
 */
import { createEngine } from '@siplet/engine'
import { type FigureRow, type Figures, figuresText } from '../packages/cli/src/bench/figures.ts'
import { subject } from './support/subject.ts'

const LIMITS_MS = [50, 1_000, 10_000, 60_000]
const AT_ONCE = 512
const MIB = 2 ** 20

export async function run(seconds = 60): Promise<Figures[]> {
  const rows: FigureRow[] = []
  for (const isolation of ['inline', 'thread'] as const) {
    for (const timeoutMs of LIMITS_MS) {
      await using engine = await createEngine({ ...subject.engine, isolation, limits: { timeoutMs } })
      const some = async () => {
        if (isolation === 'thread') {
          await Promise.all(
            Array.from({ length: AT_ONCE }, () => engine.exec(subject.method, subject.message)),
          )
        } else {
          for (let i = 0; i < AT_ONCE; i++) engine.execSync(subject.method, subject.message)
          await new Promise(setImmediate)
        }
      }
      const start = performance.now()
      const until = (fraction: number) => start + 1_000 * fraction * seconds
      let execs = 0
      let early = 0
      while (performance.now() < until(1)) {
        await some()
        execs += AT_ONCE
        if (early === 0 && performance.now() > until(0.1)) early = process.memoryUsage.rss()
      }
      rows.push({
        name: `${isolation}, timeoutMs ${timeoutMs}`,
        execs,
        'RSS MiB after a tenth': early / MIB,
        'RSS MiB': process.memoryUsage.rss() / MIB,
      })
    }
  }
  return [
    {
      title: `${seconds} s at full speed`,
      columns: { execs: 0, 'RSS MiB after a tenth': 0, 'RSS MiB': 0 },
      rows,
    },
  ]
}

if (import.meta.main) {
  for (const figures of await run(Number(process.argv[2] ?? 60))) console.log(figuresText(figures))
}

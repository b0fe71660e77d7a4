/**
 * Measures a script call in Python next to the same handler in JavaScript: one header read and one rewrite, in one
 * child. Also measures start time and memory of a Python child.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEngine, type Engine } from '@siplet/engine'
import type { FigureRow, Figures } from '../packages/cli/src/bench/figures.ts'
import { subject } from './support/subject.ts'

const SCRIPTS = {
  py: `
class Handler:
    def child_init(self, rank):
        return 0

    def route(self, msg):
        if msg.getHeader('User-Agent') == 'friendly-scanner':
            return -1
        msg.rewrite_ruri('sip:bob@192.0.2.5')
        return 1

    def empty(self, msg):
        return 1

def mod_init():
    return Handler()
`,
  js: `
class Handler {
  child_init() { return 0 }
  route(msg) {
    if (msg.getHeader('User-Agent') === 'friendly-scanner') return -1
    msg.rewrite_ruri('sip:bob@192.0.2.5')
    return 1
  }
  empty() { return 1 }
}
function mod_init() { return new Handler() }
`,
}
/** With the number of decimals to show. */
const COLUMNS = { 'header and rewrite us': 2, 'empty method us': 2, 'ready ms': 1, 'MiB a child': 1 }
/** Generous, for a machine with other work. */
const LIMITS = { timeoutMs: 5_000 }
const CALLS = 20_000
const ROUNDS = 5
const CHILDREN = 8

export async function run(): Promise<Figures[]> {
  const folder = mkdtempSync(join(tmpdir(), 'siplet-bench-'))
  const path = (extension: keyof typeof SCRIPTS) => {
    const file = join(folder, `handler.${extension}`)
    writeFileSync(file, SCRIPTS[extension])
    return file
  }
  try {
    const rows: FigureRow[] = []
    for (const extension of ['py', 'js'] as const) {
      const scriptName = path(extension)
      // Code that is compiled once per process is not part of a child's cost.
      await using engine = await createEngine({ scriptName, isolation: 'inline', limits: LIMITS })
      const before = process.memoryUsage().rss
      const start = performance.now()
      const more = await createEngine({ scriptName, isolation: 'inline', children: CHILDREN })
      const ready = (performance.now() - start) / CHILDREN
      const mebibytes = (process.memoryUsage().rss - before) / CHILDREN / 2 ** 20
      await more.close()
      rows.push({
        name: `handler.${extension}`,
        'header and rewrite us': microseconds(engine, 'route'),
        'empty method us': microseconds(engine, 'empty'),
        'ready ms': ready,
        'MiB a child': mebibytes,
      })
    }
    return [{ title: 'one exec at a time (execSync), isolation inline', columns: COLUMNS, rows }]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Returns the median over rounds. */
function microseconds(engine: Engine, method: string): number {
  const rounds: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now()
    for (let call = 0; call < CALLS; call++) {
      if (engine.execSync(method, subject.message).code !== 1) throw new Error(`${method} did not return 1`)
    }
    rounds.push(((performance.now() - start) * 1_000) / CALLS)
  }
  return rounds.sort((a, b) => a - b)[ROUNDS >> 1]!
}

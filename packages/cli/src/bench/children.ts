/** Measures the cost of idle children: the time until they are ready, and their memory. */
import { createEngine } from '@siplet/engine'
import type { FigureRow, Figures } from './figures.ts'
import { memoryPerChild } from './memory.ts'
import type { Subject } from './subject.ts'

const ROUNDS = 7
const MIB = 2 ** 20
const COUNTS = [1, 2, 4]

/**
 * Returns medians of several starts, from the call of createEngine until it resolves, and resident memory per child.
 */
export async function children(subject: Subject): Promise<Figures> {
  const rows: FigureRow[] = []
  for (const isolation of ['inline', 'thread'] as const) {
    for (const count of COUNTS) {
      const times: number[] = []
      for (let round = 0; round < ROUNDS; round++) {
        const start = performance.now()
        await using _ = await createEngine({ ...subject.engine, isolation, children: count })
        times.push(performance.now() - start)
      }
      const ready = times.sort((a, b) => a - b)[ROUNDS >> 1]!
      rows.push({
        name: `${isolation}, ${count} ${count === 1 ? 'child' : 'children'}`,
        'ready ms': ready,
        'ms/child': ready / count,
      })
    }
    rows.push({
      name: `${isolation}, each further child`,
      'MiB/child': (await memoryPerChild(subject, isolation)) / MIB,
    })
  }
  return {
    title: 'children',
    columns: { 'ready ms': 1, 'ms/child': 1, 'MiB/child': 1 },
    rows,
    note: 'Loading the script is part of the time, once for all children. MiB: resident, after some execs, in a process of its own.',
  }
}

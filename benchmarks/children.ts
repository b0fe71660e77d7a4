/** Measures start time and memory of children, next to a Node worker thread that does nothing. */
import { Worker } from 'node:worker_threads'
import { children } from '../packages/cli/src/bench/children.ts'
import type { Figures } from '../packages/cli/src/bench/figures.ts'
import { subject } from './support/subject.ts'

const ROUNDS = 7

export async function run(): Promise<Figures[]> {
  const figures = await children(subject)
  const bare = { name: 'bare worker thread, 1', 'ready ms': await bareWorker() }
  return [{ ...figures, rows: [...figures.rows, bare] }]
}

async function bareWorker(): Promise<number> {
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now()
    const worker = new Worker("require('node:worker_threads').parentPort.postMessage(0)", { eval: true })
    await new Promise((resolve) => worker.once('message', resolve))
    times.push(performance.now() - start)
    await worker.terminate()
  }
  return times.sort((a, b) => a - b)[ROUNDS >> 1]!
}

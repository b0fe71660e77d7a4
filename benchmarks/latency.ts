/** Measures latency under load, in an open loop: see packages/cli/src/bench/latency.ts. */
import type { Figures } from '../packages/cli/src/bench/figures.ts'
import { latency } from '../packages/cli/src/bench/latency.ts'
import { subject } from './support/subject.ts'

const SECONDS = 3

export async function run(): Promise<Figures[]> {
  return [
    await latency(subject, 'inline', 1, SECONDS),
    await latency(subject, 'thread', 1, SECONDS),
    await latency(subject, 'thread', 2, SECONDS),
  ]
}

/**
 * Measures the cost of a message by the number of messages that travel together. Each batch is one crossing into the
 * isolate.
 */
import { createEngine } from '@siplet/engine'
import { compare } from '../packages/cli/src/bench/compare.ts'
import type { Figures } from '../packages/cli/src/bench/figures.ts'
import { subject } from './support/subject.ts'

const SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256]

export async function run(): Promise<Figures[]> {
  const { engine: options, method, message } = subject
  const figures: Figures[] = []
  for (const isolation of ['inline', 'thread'] as const) {
    await using engine = await createEngine({ ...options, isolation, limits: { maxBatch: SIZES.at(-1)! } })
    const cases = SIZES.map((size) => ({
      name: `batch of ${size}`,
      messages: size,
      run: () => Promise.all(Array.from({ length: size }, () => engine.exec(method, message))),
    }))
    figures.push(await compare({ title: `${isolation}, by size`, reference: 'batch of 1', time: 400 }, cases))
  }
  return figures
}

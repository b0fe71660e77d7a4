/**
 * Measures call_function: the script calls one function of the embedder, which answers at once or one microtask later.
 */
import { createEngine } from '@siplet/engine'
import { type Case, compare } from '../packages/cli/src/bench/compare.ts'
import type { Figures } from '../packages/cli/src/bench/figures.ts'
import { MANY, manyAtOnce } from '../packages/cli/src/bench/throughput.ts'
import { subject } from './support/subject.ts'

const REFERENCE = 'inline execSync'
const FUNCTIONS = {
  sync: { answer: (_: unknown, code: unknown) => Number(code) },
  async: { answer: async (_: unknown, code: unknown) => Number(code) },
}

export async function run(): Promise<Figures[]> {
  const { engine: options, message } = subject
  await using stack = new AsyncDisposableStack()
  const cases: Case[] = []
  const synchronous = stack.use(
    await createEngine({ ...options, isolation: 'inline', functions: FUNCTIONS.sync }),
  )
  cases.push({ name: REFERENCE, messages: 1, run: () => synchronous.execSync('calls', message) })
  for (const [kind, functions] of Object.entries(FUNCTIONS)) {
    for (const isolation of ['inline', 'thread'] as const) {
      const engine = stack.use(await createEngine({ ...options, isolation, functions }))
      const exec = () => engine.exec('calls', message)
      cases.push({ name: `${isolation}, ${kind}, alone`, messages: 1, run: exec })
      cases.push({ name: `${isolation}, ${kind}, ${MANY} at once`, messages: MANY, run: manyAtOnce(exec) })
    }
  }
  return [await compare({ title: 'one call_function a message', reference: REFERENCE }, cases)]
}

/**
 * Measures the cost of an exec: alone and many at once, in the calling thread, in workers, and in a separate process.
 */
import { createEngine } from '@siplet/engine'
import { type Case, compare } from './compare.ts'
import type { Figures } from './figures.ts'
import type { Subject } from './subject.ts'

/** Number of execs that are handed over at once, or that are always in progress. */
export const MANY = 256
/** Number of answers over which a steady flow is measured: enough that its start and its end do not matter. */
export const FLOW = 8 * MANY

/** Names of the rows that {@link throughput} always returns. */
export const ROWS = {
  sync: 'inline execSync',
  inline: 'inline exec, alone',
  inlineMany: `inline exec, ${MANY} at once`,
  alone: 'thread exec, alone',
  many: `thread exec, ${MANY} under way`,
  processAlone: 'process exec, alone',
  processMany: `process exec, ${MANY} under way`,
  manyChildren: (children: number) => `thread exec, ${children} children, ${MANY} under way`,
}

/**
 * @param children children of the row with several children; 1 for no such row
 * @param time milliseconds per row
 * @param more further rows
 */
export async function throughput(
  { engine: options, method, message }: Subject,
  children: number,
  time: number,
  more: readonly Case[] = [],
): Promise<Figures> {
  await using inline = await createEngine({ ...options, isolation: 'inline' })
  await using thread = await createEngine({ ...options, isolation: 'thread' })
  await using separate = await createEngine({ ...options, isolation: 'process' })
  const cases: Case[] = [
    { name: ROWS.sync, messages: 1, run: () => inline.execSync(method, message) },
    { name: ROWS.inline, messages: 1, run: () => inline.exec(method, message) },
    { name: ROWS.inlineMany, messages: MANY, run: manyAtOnce(() => inline.exec(method, message)) },
    { name: ROWS.alone, messages: 1, run: () => thread.exec(method, message) },
    { name: ROWS.many, messages: FLOW, run: steadyFlow(() => thread.exec(method, message)) },
    { name: ROWS.processAlone, messages: 1, run: () => separate.exec(method, message) },
    { name: ROWS.processMany, messages: FLOW, run: steadyFlow(() => separate.exec(method, message)) },
  ]
  await using pool = await createEngine({ ...options, isolation: 'thread', children, affinity: 'none' })
  if (children > 1) {
    cases.push({
      name: ROWS.manyChildren(children),
      messages: FLOW,
      run: steadyFlow(() => pool.exec(method, message)),
    })
  }
  const title = `one script call, ${message.length}-byte message`
  return await compare({ title, reference: ROWS.sync, time }, [...cases, ...more])
}

/** Returns a function that makes {@link MANY} calls at once. */
export function manyAtOnce(call: () => Promise<unknown>): () => Promise<unknown> {
  return () => Promise.all(Array.from({ length: MANY }, call))
}

/**
 * Returns a function that makes {@link FLOW} calls with {@link MANY} of them always in progress: each answer starts
 * the next call.
 */
export function steadyFlow(call: () => Promise<unknown>): () => Promise<unknown> {
  return () => {
    let sent = 0
    const lane = async () => {
      while (sent++ < FLOW) await call()
    }
    return Promise.all(Array.from({ length: MANY }, lane))
  }
}

/**
 * A program whose only work is an exec, and whose worker thread ends by itself during it, as one does that runs out of
 * memory. Prints how that exec and the next were answered. Run by lost-worker.test.ts.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import { createEngine } from '@siplet/engine'
import { INVITE } from './messages.ts'

const workers: Worker[] = []
process.on('worker', (worker) => workers.push(worker))
const engine = await createEngine({ scriptName: process.argv[2]!, isolation: 'thread', children: 1 })
const exec = engine.exec('loop', INVITE)
await delay(20)
// Not terminate(), which keeps this process waiting for the thread.
const [worker] = workers as unknown as [Record<symbol, { stopThread(): void }>]
const handle = Object.getOwnPropertySymbols(worker).find(({ description }) => description === 'kHandle')!
worker[handle]!.stopThread()
console.log((await exec).error?.code)
console.log((await engine.exec('answers', INVITE)).code)
await engine.close()

/**
 * A program whose only work is an exec. Its worker thread ends by itself during the exec, as a thread does that runs
 * out of memory. Prints the result of that exec and of the next one. lost-worker.test.ts runs it.
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
// Not terminate(), because that keeps this process waiting for the thread.
const [worker] = workers as unknown as [Record<symbol, { stopThread(): void }>]
const handle = Object.getOwnPropertySymbols(worker).find(({ description }) => description === 'kHandle')!
worker[handle]!.stopThread()
console.log((await exec).error?.code)
console.log((await engine.exec('answers', INVITE)).code)
await engine.close()

/** The program of the worker thread of check-loops.ts. */
import { parentPort, workerData } from 'node:worker_threads'
import type { WorkerAnswer } from './check-loops.ts'
import { withLoopChecks } from './loop-checks.ts'

parentPort!.postMessage(answer(workerData))

function answer(code: string): WorkerAnswer {
  try {
    return withLoopChecks(code)
  } catch (error) {
    return { error: (error as Error).message }
  }
}

/**
 * Runs {@link withLoopChecks}. Scripts that are large, or nested too deeply for this thread, are parsed in a worker
 * thread with a large stack and limited memory. So the host is not blocked and does not run out of memory.
 */
import { relative } from 'node:path'
import { Worker } from 'node:worker_threads'
import { SipletError } from '../errors.ts'
import { type CheckedCode, withLoopChecks } from './loop-checks.ts'

/**
 * Maximum length of code that is parsed in this thread, in characters. Longer code is parsed in a worker thread, so
 * that a reload does not block the host.
 */
const MAX_LENGTH_HERE = 1 << 18
const MAX_PARSE_MS = 30_000
const WORKER_LIMITS = { maxOldGenerationSizeMb: 1_024, stackSizeMb: 128 }
/** The worker's file, next to this file: .ts in the repository, .js in the published package. */
const WORKER = new URL(`./check-loops-worker${import.meta.url.slice(-3)}`, import.meta.url)

/** The worker's answer. */
export type WorkerAnswer = CheckedCode | { error: string }

/**
 * @param path path of the script, for errors
 * @throws SipletError ERR_SIPLET_SCRIPT_SYNTAX if the code cannot be parsed
 */
export async function checkLoops(code: string, path: string): Promise<CheckedCode> {
  if (code.length <= MAX_LENGTH_HERE) {
    try {
      return withLoopChecks(code)
    } catch {
      // In most cases the code is nested too deeply for this thread. For other causes, the worker reports the same
      // error.
    }
  }
  const refused = (why: string) =>
    new SipletError('ERR_SIPLET_SCRIPT_SYNTAX', `script ${relative('', path)}: ${why}`)
  let answer: WorkerAnswer
  try {
    answer = await inWorker(code)
  } catch (error) {
    throw refused(
      (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY'
        ? `to look for its loops takes more than ${WORKER_LIMITS.maxOldGenerationSizeMb} MiB; make it, and what it imports, smaller`
        : `its loops cannot be found: ${(error as Error).message}`,
    )
  }
  if ('error' in answer) throw refused(`its loops cannot be found: ${answer.error}`)
  return answer
}

function inWorker(code: string): Promise<WorkerAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<WorkerAnswer>()
  const worker = new Worker(WORKER, { workerData: code, resourceLimits: WORKER_LIMITS, env: {} })
  const timer = setTimeout(() => {
    reject(
      new Error(`that takes longer than ${MAX_PARSE_MS / 1_000} s; make it, and what it imports, smaller`),
    )
    worker.terminate()
  }, MAX_PARSE_MS)
  worker.once('message', resolve)
  worker.once('error', reject)
  worker.once('exit', () => {
    clearTimeout(timer)
    reject(new Error('the thread that parses it ended'))
  })
  return promise
}

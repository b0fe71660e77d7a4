/**
 * Finds worker threads that are where V8 looks for no interrupt, such as one builtin call over an array-like of 2 ** 53
 * elements (docs/containment.md). Nothing ends such a thread but the end of the process, so its child leaves it behind and
 * goes on in another one. How many threads may be left behind is limited: each may use up a processor.
 */
import { isMainThread } from 'node:worker_threads'

/** Threads of this process, over all engines, that may be stuck at once. */
export const MAX_STUCK_THREADS = 4
/** Between two looks: milliseconds. */
const LOOK_MS = 100

/** Whoever waits for a thread. */
export interface Waiting {
  /**
   * Called every `LOOK_MS`. A look that comes late counts as one: if this thread could not look, the other threads may
   * have had to wait for a processor, too.
   */
  look(elapsedMs: number): void
}

const waiting = new Set<Waiting>()
let timer: NodeJS.Timeout | undefined
let stuck = 0

export function watch(one: Waiting): void {
  waiting.add(one)
  timer ??= setInterval(() => {
    for (const each of waiting) each.look(LOOK_MS)
  }, LOOK_MS).unref()
}

export function unwatch(one: Waiting): void {
  waiting.delete(one)
  if (waiting.size > 0) return
  clearInterval(timer)
  timer = undefined
}

/** Returns how many threads of this process are stuck now. */
export function stuckThreads(): number {
  return stuck
}

/**
 * Counts a thread as stuck until it ends after all, as one in a call that only takes long does.
 *
 * @param ended resolves when the thread has ended
 */
export function leaveBehind(ended: Promise<unknown>): void {
  stuck++
  if (!process.listeners('exit').includes(endWithThreads)) process.on('exit', endWithThreads)
  const ends = () => {
    stuck--
  }
  ended.then(ends, ends)
}

/**
 * Ends the process although threads are stuck. Node waits for all of its threads, even in process.exit(): it would wait
 * for ever. Another program in the place of this one has no threads, and can end with the exit code.
 */
function endWithThreads(code: number): void {
  if (stuck === 0 || !isMainThread) return
  const listeners = process.listeners('exit')
  for (const listener of listeners.slice(listeners.indexOf(endWithThreads) + 1)) listener.call(process, code)
  const { execPath, execve, exitCode = code } = process
  // Windows has no execve.
  if (execve === undefined) process.kill(process.pid, 'SIGKILL')
  else execve(execPath, [execPath, '-e', `process.exit(${Number(exitCode)})`], {})
}

/**
 * Finds worker threads that are stuck where V8 does not check for interrupts, for example in one builtin call over an
 * array-like of 2 ** 53 elements (docs/containment.md). Only the end of the process ends such a thread. So its child
 * abandons the thread and continues in a new one. The number of abandoned threads is limited, because each may use up
 * a processor.
 */
import { isMainThread } from 'node:worker_threads'

/** Maximum number of stuck threads in this process, over all engines. */
export const MAX_STUCK_THREADS = 4
/** Interval of the checks, in milliseconds. */
const LOOK_MS = 100

/** A child that waits for its thread. */
export interface Waiting {
  /**
   * Called every `LOOK_MS`. A late check counts as one check: if this thread did not run, the other threads may have
   * waited for a processor as well.
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

/** Returns the number of threads of this process that are stuck now. */
export function stuckThreads(): number {
  return stuck
}

/**
 * Counts a thread as stuck until it ends. A thread in a call that only takes long ends eventually.
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
 * Ends the process although threads are stuck. Node waits for all its threads, even in process.exit(), so it would
 * wait forever. A program that replaces this one by execve has no threads and can end with the exit code.
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

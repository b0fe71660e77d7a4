/**
 * Processor time, which other work on the machine affects far less than wall time: of this process with all of its
 * threads, and of the pool processes that it started. Linux only.
 */
import { readdirSync, readFileSync } from 'node:fs'

/** Returns microseconds so far. Does not include threads of a pool process that have ended. */
export function processorTime(): number {
  const { user, system } = process.cpuUsage()
  return user + system + poolProcesses().reduce((sum, pid) => sum + threadsTime(pid), 0)
}

/** Returns the pids of the pool processes that this process started. */
export function poolProcesses(): number[] {
  return tasks(process.pid)
    .flatMap((thread) => read(`/proc/${process.pid}/task/${thread}/children`).split(' '))
    .map(Number)
    .filter((pid) => pid > 0 && read(`/proc/${pid}/cmdline`).match(/pool-main|pool-entry/) !== null)
}

function threadsTime(pid: number): number {
  // The first field is the time on a processor, in nanoseconds.
  return tasks(pid).reduce(
    (sum, thread) => sum + Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0]) / 1_000,
    0,
  )
}

function tasks(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

/** Returns an empty text if the thread or process has ended meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

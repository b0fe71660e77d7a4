/**
 * Processor time, which other work on the machine changes far less than wall time: that of this process with all its
 * threads, and of the pool processes that it started. Linux only.
 */
import { readdirSync, readFileSync } from 'node:fs'

/** Microseconds so far. What threads of a pool process used that have ended is not in it. */
export function processorTime(): number {
  const { user, system } = process.cpuUsage()
  return user + system + poolProcesses().reduce((sum, pid) => sum + threadsTime(pid), 0)
}

/** Ids of the pool processes that this process started. */
export function poolProcesses(): number[] {
  return tasks(process.pid)
    .flatMap((thread) => read(`/proc/${process.pid}/task/${thread}/children`).split(' '))
    .map(Number)
    .filter((pid) => pid > 0 && read(`/proc/${pid}/cmdline`).match(/pool-main|pool-entry/) !== null)
}

function threadsTime(pid: number): number {
  // The first field is the time on a processor: nanoseconds.
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

/** Empty where the thread or process has ended meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

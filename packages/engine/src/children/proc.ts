/** Reads and sets properties of another process of ours in Linux's /proc. Other systems do not have this folder. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { Scheduling, Threads } from './silence.ts'

/** The highest value: the kernel ends such a process before all others when memory runs out. */
const FIRST_TO_GO = 1_000

/**
 * Returns the resident memory of a process in bytes. Undefined if the system does not provide it, or the process has
 * ended.
 */
export function residentBytes(pid: number): number | undefined {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
    return kib === undefined ? undefined : 1_024 * Number(kib)
  } catch {
    return undefined
  }
}

/** CPU times in /proc are in hundredths of a second on every machine (USER_HZ, proc_pid_stat(5)). */
const TICK_MS = 10
/** Indexes of fields 14 and 15, counted from field 3. */
const UTIME = 11
const STIME = 12

/**
 * Returns CPU time and state of a process. Undefined if the system does not provide them, or the process has ended.
 */
export function scheduling(pid: number): Scheduling | undefined {
  try {
    const threads = readdirSync(`/proc/${pid}/task`).map((thread) => stateOf(`${pid}/task/${thread}`))
    return {
      all: { cpuMs: stateOf(`${pid}`).cpuMs, ready: threads.some(({ ready }) => ready) },
      main: stateOf(`${pid}/task/${pid}`),
    }
  } catch {
    return undefined
  }
}

/** Reads proc_pid_stat(5) of a process or a thread. The second field, a name, may contain any character. */
function stateOf(path: string): Threads {
  const text = readFileSync(`/proc/${path}/stat`, 'latin1')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const ticks = Number(fields[UTIME]) + Number(fields[STIME])
  if (!Number.isFinite(ticks)) throw new Error(`no times in /proc/${path}/stat`)
  return { cpuMs: TICK_MS * ticks, ready: fields[0] === 'R' || fields[0] === 'D' }
}

/**
 * Makes the process the first one that the kernel ends when memory runs out, and excludes its memory from core dumps.
 */
export function makeExpendable(pid: number): void {
  // See proc_pid_oom_score_adj(5) and core(5).
  for (const [file, value] of [
    ['oom_score_adj', FIRST_TO_GO],
    ['coredump_filter', 0],
  ]) {
    try {
      writeFileSync(`/proc/${pid}/${file}`, String(value))
    } catch {
      // The system is not Linux, or the process has ended.
    }
  }
}

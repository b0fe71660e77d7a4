/** What Linux tells of another process of ours in /proc, and lets us set there. Elsewhere there is no such folder. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { Scheduling, Threads } from './silence.ts'

/** Highest there is: the kernel ends such a process before all others when memory runs out. */
const FIRST_TO_GO = 1_000

/** Resident memory of a process: bytes. Undefined if the system does not tell, or the process has ended. */
export function residentBytes(pid: number): number | undefined {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
    return kib === undefined ? undefined : 1_024 * Number(kib)
  } catch {
    return undefined
  }
}

/** The CPU time in /proc is in hundredths of a second on every machine (USER_HZ, proc_pid_stat(5)). */
const TICK_MS = 10
/** Fields 14 and 15, counted from field 3. */
const UTIME = 11
const STIME = 12

/** CPU time and state of a process. Undefined if the system does not tell, or the process has ended. */
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

/** Reads proc_pid_stat(5) of a process or a thread. Its second field, a name, may hold anything. */
function stateOf(path: string): Threads {
  const text = readFileSync(`/proc/${path}/stat`, 'latin1')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const ticks = Number(fields[UTIME]) + Number(fields[STIME])
  if (!Number.isFinite(ticks)) throw new Error(`no times in /proc/${path}/stat`)
  return { cpuMs: TICK_MS * ticks, ready: fields[0] === 'R' || fields[0] === 'D' }
}

/** Makes the process the first that the kernel ends when memory runs out, and keeps its memory out of core dumps. */
export function makeExpendable(pid: number): void {
  // See proc_pid_oom_score_adj(5) and core(5).
  for (const [file, value] of [
    ['oom_score_adj', FIRST_TO_GO],
    ['coredump_filter', 0],
  ]) {
    try {
      writeFileSync(`/proc/${pid}/${file}`, String(value))
    } catch {
      // Not Linux, or the process has ended.
    }
  }
}

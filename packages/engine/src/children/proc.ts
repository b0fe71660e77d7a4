/** What Linux tells of another process of ours in /proc, and lets us set there. Elsewhere there is no such folder. */
import { readFileSync, writeFileSync } from 'node:fs'

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

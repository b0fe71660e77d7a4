/** Information about processes from /proc. */
import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'

/** Returns whether the process exists and is no zombie. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** Resolves when `condition` holds. Rejects after ten seconds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  for (let waited = 0; !condition(); waited += 20) {
    if (waited > 10_000) throw new Error(`${what}: not within ten seconds`)
    await setTimeout(20)
  }
}

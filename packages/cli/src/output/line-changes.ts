/** Compares two texts line by line, in bounded time. */
import { type ChangeObject, diffLines } from 'diff'

/** Upper bound on the time of a comparison: hostile scripts and messages could make it take minutes. */
const TIMEOUT_MS = 100

/**
 * Returns removed, added and unchanged lines in order. If the comparison takes longer than 100 ms, all lines are shown
 * as changed.
 */
export function lineChanges(before: string, after: string): ChangeObject<string>[] {
  return (
    diffLines(before, after, { timeout: TIMEOUT_MS }) ?? [
      { value: before, removed: true, added: false, count: 0 },
      { value: after, removed: false, added: true, count: 0 },
    ]
  )
}

/** Differences of two texts by lines, in bounded time. */
import { type ChangeObject, diffLines } from 'diff'

/** Hostile scripts and messages can make a diff take minutes. */
const TIMEOUT_MS = 100

/** What was removed, added and kept, in order. All lines differ if the comparison takes longer than 100 ms. */
export function lineChanges(before: string, after: string): ChangeObject<string>[] {
  return (
    diffLines(before, after, { timeout: TIMEOUT_MS }) ?? [
      { value: before, removed: true, added: false, count: 0 },
      { value: after, removed: false, added: true, count: 0 },
    ]
  )
}

/**
 * How long a run may go on: milliseconds. A message has at least its timeoutMs, and none more than 1.25 times that, apart
 * from what the machine takes to notice.
 */

/** A batch takes no further message once it ran for so long. */
export function sliceMs(timeoutMs: number): number {
  return Math.ceil(timeoutMs / 8)
}

/** The longest that a batch may run. */
export function batchTimeout(timeoutMs: number): number {
  return timeoutMs + 2 * sliceMs(timeoutMs)
}

/** What a run of `count` messages has at least: the last of them may begin at the end of the slice. */
export function runLimit(timeoutMs: number, count: number): number {
  return count === 1 ? timeoutMs : timeoutMs + sliceMs(timeoutMs)
}

/** How long whoever enforces these limits may sleep between two looks: a run goes on for two more than its limit. */
export function lookMs(timeoutMs: number): number {
  return Math.min(MAX_LOOK_MS, Math.ceil(timeoutMs / 16))
}

/** Also how long a process without other work stays after its last run. */
const MAX_LOOK_MS = 25

/**
 * Time limits of runs, in milliseconds. An exec has at least its timeoutMs and at most 1.25 times that, plus the time
 * that the machine needs to notice.
 */

/** Returns the slice: the time after which a batch starts no further exec. */
export function sliceMs(timeoutMs: number): number {
  return Math.ceil(timeoutMs / 8)
}

/** Returns the maximum run time of a batch. */
export function batchTimeout(timeoutMs: number): number {
  return timeoutMs + 2 * sliceMs(timeoutMs)
}

/** Returns the minimum limit of a run of `count` execs: the last exec may begin at the end of the slice. */
export function runLimit(timeoutMs: number, count: number): number {
  return count === 1 ? timeoutMs : timeoutMs + sliceMs(timeoutMs)
}

/** Returns the maximum sleep between two checks of these limits. A run may exceed its limit by two checks. */
export function lookMs(timeoutMs: number): number {
  return Math.min(MAX_LOOK_MS, Math.ceil(timeoutMs / 16))
}

/** This is also how long a process without other work stays alive after its last run. */
const MAX_LOOK_MS = 25

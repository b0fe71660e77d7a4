/**
 * How long isolated-vm lets a run go on: milliseconds. A message has at least its timeoutMs, and none more than 1.25
 * times that.
 */

/** A batch takes no further message once it ran for so long. */
export function sliceMs(timeoutMs: number): number {
  return Math.ceil(timeoutMs / 8)
}

/** The longest that a batch may run. */
export function batchTimeout(timeoutMs: number): number {
  return timeoutMs + 2 * sliceMs(timeoutMs)
}

/**
 * The limit of a run that starts now. isolated-vm keeps the timer of each run until it is due, and wakes a thread for it
 * also where the run is long over; those that are due together cost one wake-up. So all are due at whole slices.
 *
 * @param now of performance.now()
 * @param count messages in the batch
 * @returns 0, for none, where timeoutMs is 0
 */
export function runTimeout(timeoutMs: number, count: number, now: number): number {
  if (timeoutMs === 0) return 0
  const slice = sliceMs(timeoutMs)
  const earliest = now + timeoutMs + (count === 1 ? 0 : slice)
  return Math.ceil(Math.ceil(earliest / slice) * slice - now)
}

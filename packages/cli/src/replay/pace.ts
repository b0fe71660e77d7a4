/** `--speed`: messages at the distances in which they were captured. */
import { setTimeout as wait } from 'node:timers/promises'
import type { CapturedMessage } from '../capture/index.ts'

/** Longest time setTimeout takes: milliseconds. */
const LONGEST_WAIT_MS = 2 ** 31 - 1

/**
 * Yields each message when it is due: as long after the first one as it was captured, divided by `speed`. Every due
 * time is counted from the start, so that no delay adds up. Messages out of order in time come at once.
 *
 * @param speed 1 is real time, 2 twice as fast
 * @param signal ends it
 */
export async function* paced(
  slices: AsyncIterable<readonly CapturedMessage[]>,
  speed: number,
  signal?: AbortSignal,
): AsyncGenerator<CapturedMessage[]> {
  const start = performance.now()
  let first: number | undefined
  for await (const slice of slices) {
    for (let at = 0; at < slice.length; ) {
      first ??= Number(slice[at]!.time)
      const due = (captured: CapturedMessage) => start + ((Number(captured.time) - first!) * 1_000) / speed
      if (!(await until(due(slice[at]!), signal))) return
      let end = at + 1
      while (end < slice.length && due(slice[end]!) <= performance.now()) end++
      yield slice.slice(at, end)
      at = end
    }
  }
}

/** @returns false where the signal came first */
async function until(due: number, signal?: AbortSignal): Promise<boolean> {
  for (let left = due - performance.now(); left > 0; left = due - performance.now()) {
    await wait(Math.min(left, LONGEST_WAIT_MS), undefined, signal ? { signal } : {}).catch(() => {})
    if (signal?.aborted) return false
  }
  return true
}

/** `--speed`: messages at the distances in which they were captured. */
import { setTimeout as wait } from 'node:timers/promises'
import type { CapturedMessage } from '../capture/index.ts'

/** Longest time setTimeout takes: milliseconds. */
const LONGEST_WAIT_MS = 2 ** 31 - 1

/** Where time comes from. */
export interface Clock {
  /** Milliseconds since whenever; never goes back. */
  now(): number
  /** Resolves after so many milliseconds, or a little later; at once when the signal comes. */
  wait(milliseconds: number, signal: AbortSignal | undefined): Promise<void>
}

const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  wait: (milliseconds, signal) =>
    wait(Math.min(milliseconds, LONGEST_WAIT_MS), undefined, signal && { signal }).catch(() => {}),
}

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
  clock = SYSTEM_CLOCK,
): AsyncGenerator<CapturedMessage[]> {
  const start = clock.now()
  let first: number | undefined
  for await (const slice of slices) {
    for (let at = 0; at < slice.length; ) {
      first ??= Number(slice[at]!.time)
      const due = (captured: CapturedMessage) => start + ((Number(captured.time) - first!) * 1_000) / speed
      while (clock.now() < due(slice[at]!)) {
        await clock.wait(due(slice[at]!) - clock.now(), signal)
        if (signal?.aborted) return
      }
      let end = at + 1
      while (end < slice.length && due(slice[end]!) <= clock.now()) end++
      yield slice.slice(at, end)
      at = end
    }
  }
}

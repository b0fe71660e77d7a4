/** `--speed`: replays messages at the intervals at which they were captured. */
import { setTimeout as wait } from 'node:timers/promises'
import type { CapturedMessage } from '../capture/index.ts'

/** Longest time that setTimeout accepts, in milliseconds. */
const LONGEST_WAIT_MS = 2 ** 31 - 1

/** A source of time. */
export interface Clock {
  /** Milliseconds since an arbitrary moment. Never goes backwards. */
  now(): number
  /** Resolves after that many milliseconds or a little later, or at once if the signal is aborted. */
  wait(milliseconds: number, signal: AbortSignal | undefined): Promise<void>
}

const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  wait: (milliseconds, signal) =>
    wait(Math.min(milliseconds, LONGEST_WAIT_MS), undefined, signal && { signal }).catch(() => {}),
}

/**
 * Yields each message when it is due: its time since the first message, divided by `speed`. All due times count from
 * the start, so delays do not add up. Messages that are out of order in time are yielded at once.
 *
 * @param speed 1 is real time, 2 twice as fast
 * @param signal ends the generator
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

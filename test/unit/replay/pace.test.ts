import assert from 'node:assert/strict'
import fc from 'fast-check'
import { type Clock, paced } from '../../../packages/cli/src/replay/pace.ts'
import { INVITE } from '../../support/messages.ts'
import { replayed } from '../../support/replayed.ts'

const CAPTURED = replayed(1, INVITE).captured
/** Time of the first message below, in seconds since 1970. */
const START = 1_767_254_400

/** A clock that advances only during waits. Each wait takes longer than requested by the given delay. */
class SlowClock implements Clock {
  time = 5_000
  readonly #late: () => number

  constructor(late: () => number = () => 0) {
    this.#late = late
  }

  now(): number {
    return this.time
  }

  async wait(milliseconds: number): Promise<void> {
    this.time += milliseconds + this.#late()
  }
}

/**
 * Returns when each message was yielded, in milliseconds since the start. `work` returns how long the receiver is busy
 * after each slice.
 */
async function schedule(
  seconds: readonly number[],
  speed: number,
  clock: SlowClock,
  work: () => number = () => 0,
): Promise<number[]> {
  async function* slices() {
    for (let at = 0; at < seconds.length; at += 7) {
      const slice = seconds.slice(at, at + 7)
      yield slice.map((second) => ({ ...CAPTURED, time: (START + second).toFixed(9) }))
    }
  }
  const start = clock.now()
  const times: number[] = []
  for await (const messages of paced(slices(), speed, undefined, clock)) {
    for (const _ of messages) times.push(clock.now() - start)
    clock.time += work()
  }
  return times
}

describe('messages at the pace of their capture', () => {
  it('are yielded when they are due; the speed divides the time', async () => {
    const seconds = [0, 0.5, 0.5, 2, 60]
    assert.deepEqual(await schedule(seconds, 1, new SlowClock()), [0, 500, 500, 2_000, 60_000])
    assert.deepEqual(await schedule(seconds, 2, new SlowClock()), [0, 250, 250, 1_000, 30_000])
    assert.deepEqual(await schedule(seconds, 0.5, new SlowClock()), [0, 1_000, 1_000, 4_000, 120_000])
  })

  it('do not drift: delays of timers and receivers never add up, and no message is early', async () => {
    const seconds = Array.from({ length: 36_000 }, (_, k) => k / 10)
    const times = await schedule(seconds, 1, new SlowClock(() => 4), () => 30)
    const late = times.map((time, k) => time - seconds[k]! * 1_000)
    assert.ok(Math.min(...late) >= -1e-3, `smallest delay: ${Math.min(...late)} ms`)
    assert.ok(Math.max(...late) < 5, `largest delay within the hour: ${Math.max(...late)} ms`)
  })

  it('are yielded at once after the receiver fell behind', async () => {
    const clock = new SlowClock()
    let first = true
    const times = await schedule([0, 1, 2, 3, 4, 5], 1, clock, () => {
      const work = first ? 3_500 : 0
      first = false
      return work
    })
    assert.deepEqual(times, [0, 3_500, 3_500, 3_500, 4_000, 5_000])
  })

  it('are complete and in order for all times, delays and speeds', async () => {
    const second = fc.double({ min: 0, max: 100, noNaN: true })
    const delay = fc.integer({ min: 0, max: 5_000 })
    await fc.assert(
      fc.asyncProperty(
        fc.array(second),
        fc.constantFrom(0.5, 1, 3),
        delay,
        delay,
        async (seconds, speed, late, work) => {
          const times = await schedule(seconds, speed, new SlowClock(() => late), () => work)
          assert.equal(times.length, seconds.length)
          for (const [k, time] of times.entries()) {
            const due = ((seconds[k]! - seconds[0]!) * 1_000) / speed
            assert.ok(time >= due - 1e-2 && time >= (times[k - 1] ?? 0))
          }
        },
      ),
      { numRuns: 200 },
    )
  })
})

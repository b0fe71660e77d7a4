import assert from 'node:assert/strict'
import fc from 'fast-check'
import { batchTimeout, runTimeout } from '../../../packages/engine/src/isolate/host/time-limits.ts'

describe('the time limit of a run', () => {
  const timeoutMs = fc.integer({ min: 1, max: 60_000 })
  const now = fc.double({ min: 0, max: 1e9, noNaN: true })

  it('leaves every message its timeoutMs, and none more than a batch may have', () => {
    fc.assert(
      fc.property(timeoutMs, fc.integer({ min: 1, max: 256 }), now, (limit, count, at) => {
        const ms = runTimeout(limit, count, at)
        assert.ok(Number.isInteger(ms) && ms >= limit && ms <= batchTimeout(limit) + 1, String(ms))
      }),
    )
  })

  it('has runs of one moment end together, so that their timers cost one wake-up', () => {
    const ends = Array.from({ length: 50 }, (_, ms) =>
      Math.floor(1_000 + ms + runTimeout(400, 1, 1_000 + ms)),
    )
    assert.ok(new Set(ends).size <= 2, String(ends))
  })

  it('is none for a child that a debugger may attach to', () => {
    assert.equal(runTimeout(0, 1, 12.5), 0)
  })
})

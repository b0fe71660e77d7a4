import assert from 'node:assert/strict'
import { Latency } from '../../../packages/cli/src/report/latency.ts'

describe('Latency', () => {
  it('puts each run time into a bin whose upper bound is a power of the base', () => {
    const latency = new Latency()
    for (const us of [1, 1.9, 2.1, 1_000]) latency.add(us)
    const { binBase, firstBin, counts } = latency.data()
    assert.equal(firstBin, 0)
    assert.equal(counts[0], 1)
    assert.equal(counts[4], 1, '2 µs is the upper bound of the fifth bin')
    assert.equal(counts[5], 1)
    assert.equal(counts.length - 1, Math.ceil(Math.log(1_000) / Math.log(binBase)))
  })

  it('returns percentiles in microseconds, with three digits', () => {
    const latency = new Latency()
    for (let us = 1; us <= 1_000; us++) latency.add(us)
    const { p50, p99, max } = latency.data().percentiles!
    assert.ok(Math.abs(p50 - 500) <= 1, `${p50}`)
    assert.ok(Math.abs(p99 - 990) <= 1, `${p99}`)
    assert.ok(Math.abs(max - 1_000) <= 1, `${max}`)
  })

  it('has no percentiles if nothing ran', () => {
    assert.equal(new Latency().data().percentiles, null)
  })
})

import assert from 'node:assert/strict'
import { Timeline } from '../../../packages/cli/src/report/timeline.ts'

describe('Timeline', () => {
  const sum = (counts: number[][]) => counts.flat().reduce((total, count) => total + count, 0)

  it('counts decisions in spans of a millisecond at first', () => {
    const timeline = new Timeline()
    timeline.add(1_000, 0)
    timeline.add(1_000.9, 0)
    timeline.add(1_002, 3)
    assert.deepEqual(timeline.data(), {
      width: 1,
      spans: [1_000, 1_002],
      counts: [
        [2, 0, 0, 0, 0],
        [0, 0, 0, 1, 0],
      ],
    })
  })

  it('widens its spans as time goes on, without losing a message', () => {
    const timeline = new Timeline()
    for (let second = 0; second < 10_000; second++) timeline.add(second * 1_000, second % 5)
    const { width, spans, counts } = timeline.data()
    assert.equal(width, 60_000)
    assert.ok(spans.length <= 240)
    assert.equal(sum(counts), 10_000)
  })

  it('accepts messages of an earlier capture after messages of a later one, and wrong clocks', () => {
    const timeline = new Timeline()
    for (const milliseconds of [1.8e12, 1.7e12, 0, 4.2e15]) timeline.add(milliseconds, 1)
    const { spans, counts } = timeline.data()
    assert.ok(spans.length <= 240)
    assert.deepEqual(
      spans,
      spans.toSorted((a, b) => a - b),
    )
    assert.equal(sum(counts), 4)
  })
})

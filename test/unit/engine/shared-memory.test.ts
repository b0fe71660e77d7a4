/** Memory of children that ended is reused, and contains nothing of them. */
import assert from 'node:assert/strict'
import { giveBackShared, takeShared } from '../../../packages/engine/src/wire/shared-memory.ts'
import { createVerdictArea, VerdictWriter } from '../../../packages/engine/src/wire/verdict.ts'
import { VerdictReader } from '../../../packages/engine/src/wire/verdict-reader.ts'
import { handler, withEngine } from '../../support/engine.ts'
import { INVITE } from '../../support/messages.ts'

describe('shared memory', () => {
  it('is reused after it was given back, if the size is the same', () => {
    const memory = takeShared(12_345)
    assert.notEqual(takeShared(12_345), memory)
    giveBackShared(memory)
    assert.notEqual(takeShared(12_346), memory)
    assert.equal(takeShared(12_345), memory)
  })

  it('an area for verdicts contains no earlier verdicts', () => {
    const area = createVerdictArea(600_000)
    const writer = new VerdictWriter(area, 600_000)
    writer.begin()
    assert.ok(writer.verdict(1, 'sip:192.0.2.1', [], null))
    giveBackShared(area)
    const again = createVerdictArea(600_000)
    assert.equal(again, area)
    assert.deepEqual(new VerdictReader(again, 600_000).read([], false), {
      outcomes: [],
      unfinished: false,
      unfinishedLogs: [],
      endedMs: 0,
      malformed: undefined,
    })
  })

  for (const isolation of ['inline', 'thread'] as const) {
    it(`${isolation}: reloads need no additional memory`, async () => {
      await withEngine(
        handler('route() { return this.rank }'),
        { isolation, children: 2 },
        async (engine) => {
          // Two generations exist at the same time during a reload.
          await engine.reload()
          await engine.reload()
          const before = process.memoryUsage().arrayBuffers
          for (let i = 0; i < 5; i++) {
            await engine.reload()
            assert.equal((await engine.exec('route', INVITE)).error, null)
          }
          // Each generation has more than 2 MiB.
          assert.ok(process.memoryUsage().arrayBuffers - before < 5 * 2 ** 20)
        },
      )
    })
  }
})

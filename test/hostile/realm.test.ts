/** A script reaches only its own realm: a walk over everything that it can get. */
import assert from 'node:assert/strict'
import { ISOLATIONS, withEngine } from '../support/engine.ts'
import { INVITE } from '../support/messages.ts'
import { PATCHES, walkingScript } from './realm-walk.ts'

for (const isolation of ISOLATIONS) {
  describe(`the realm of a script, ${isolation}`, () => {
    for (const [name, patch] of Object.entries(PATCHES)) {
      it(name, async () => {
        // Nothing here may end because of its time.
        const limits = { timeoutMs: 60_000, initTimeoutMs: 60_000, memoryMb: 256, maxLogLines: 1 }
        await withEngine(walkingScript(patch), { isolation, limits }, async (engine) => {
          const { code, error } = await engine.exec('walk', INVITE)
          assert.equal(error, null)
          assert.equal(code, 1)
          assert.deepEqual(engine.stats().children[0]!.rebuilds, { timeout: 0, memory: 0, lost: 0 })
        })
      }).timeout(120_000)
    }
  })
}

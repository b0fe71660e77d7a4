/** Loops that V8 does not interrupt without the flags of isolate/host/v8-flags.ts. */
import assert from 'node:assert/strict'
import { INVITE } from '../../../packages/cli/src/bench/invite.ts'
import { handler, withEngine } from '../../support/engine.ts'

/** Methods `attack`, `warm` and data; `warm` is called until V8 optimises. */
const LOOPS: Record<string, { setup: string; loop: string }> = {
  'fills memory with arrays': { setup: 'const list = []', loop: 'for (;;) list.push(new Array(1000))' },
  'is empty': { setup: '', loop: 'for (;;);' },
  'compares long strings': {
    setup: `const [a, b] = [1, 2].map(() => ['b', 'a'.repeat(2e4), 'c'].join(''))`,
    loop: 'for (;;) a === b',
  },
}

describe('loops', () => {
  for (const isolation of ['inline', 'thread', 'process'] as const) {
    for (const [name, { setup, loop }] of Object.entries(LOOPS)) {
      it(`one that ${name} ends in ${isolation}`, () => {
        // V8 compiles the function while it is called in vain, and the loop begins in the midst of that.
        const script = `${setup}
          function spin(n) { if (n) ${loop} }
          ${handler('attack() { for (let i = 0; i < 100000; i++) spin(0); spin(1) }, probe() { return 7 }')}`
        const limits = { timeoutMs: 200, memoryMb: 16 }
        return withEngine(script, { isolation, limits }, async (engine) => {
          const { error } = await engine.exec('attack', INVITE)
          assert.ok(error !== null)
          assert.match(error.code, /^ERR_SIPLET_(TIMEOUT|MEMORY)$/)
          assert.equal((await engine.exec('probe', INVITE)).code, 7)
        })
      }).timeout(60_000)
    }
  }
})

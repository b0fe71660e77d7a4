/**
 * Loops that V8 does not interrupt without the flags of isolate/host/v8-flags.ts and the calls of
 * script/loop-checks.ts.
 */
import assert from 'node:assert/strict'
import { INVITE } from '../../../packages/cli/src/bench/invite.ts'
import { handler, withEngine } from '../../support/engine.ts'

/** Each has the methods `attack`, `warm` and data. `warm` is called until V8 optimises it. */
const LOOPS: Record<string, { setup: string; loop: string }> = {
  'fills memory with arrays': { setup: 'const list = []', loop: 'for (;;) list.push(new Array(1000))' },
  'is empty': { setup: '', loop: 'for (;;);' },
  'compares long strings': {
    setup: `const [a, b] = [1, 2].map(() => ['b', 'a'.repeat(2e4), 'c'].join(''))`,
    loop: 'for (;;) a === b',
  },
  'compares strings of megabytes': {
    setup: `const [a, b] = [1, 2].map(() => ['b', 'a'.repeat(12e6), 'c'].join(''))`,
    loop: 'for (;;) a === b',
  },
  'spreads a long list': {
    setup: 'const list = Array.from({ length: 3e5 }, (_, i) => i); let copy',
    loop: 'for (;;) copy = [...list]',
  },
  'spreads a large object': {
    setup: 'const large = {}; for (let i = 0; i < 1e5; i++) large["k" + i] = i; let copy',
    loop: 'do copy = { ...large }; while (true)',
  },
  'makes long lists': { setup: 'let made', loop: 'while (true) made = new Array(1e6)' },
}

describe('loops', () => {
  for (const isolation of ['inline', 'thread', 'process'] as const) {
    for (const [name, { setup, loop }] of Object.entries(LOOPS)) {
      it(`a loop that ${name} is stopped in ${isolation}`, () => {
        // V8 compiles the function while it is called without effect, and the loop begins during that.
        const script = `${setup}
          function spin(n) { if (n) ${loop} }
          ${handler('attack() { for (let i = 0; i < 100000; i++) spin(0); spin(1) }, probe() { return 7 }')}`
        const limits = { timeoutMs: 200, memoryMb: 64 }
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

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { INVITE } from '../../../packages/cli/src/bench/invite.ts'
import { batchTimeout, lookMs, runLimit } from '../../../packages/engine/src/isolate/host/time-limits.ts'
import { handler, withEngine } from '../../support/engine.ts'

const LOOP = handler('loop() { for (;;); }, fine() { return 7 }')

describe('the time limit of a run', () => {
  it('gives every message its timeoutMs, and no message more than the limit of a batch', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 600_000 }), fc.integer({ min: 1, max: 256 }), (limit, count) => {
        const ms = runLimit(limit, count)
        assert.ok(ms >= limit && ms + 2 * lookMs(limit) <= batchTimeout(limit) + 2, String(ms))
      }),
    )
  })

  for (const isolation of ['inline', 'thread'] as const) {
    it(`stops run after run in ${isolation}, and not the quick runs in between`, () =>
      withEngine(LOOP, { isolation, limits: { timeoutMs: 30 } }, async (engine) => {
        for (let i = 0; i < 5; i++) {
          const start = performance.now()
          assert.equal((await engine.exec('loop', INVITE)).error?.code, 'ERR_SIPLET_TIMEOUT')
          assert.ok(performance.now() - start >= 30)
          for (let fine = 0; fine < 50; fine++) assert.equal((await engine.exec('fine', INVITE)).code, 7)
        }
      }))
  }

  it('does not count the time of functions of the embedder, however they are called', () =>
    withEngine(
      handler("ask(msg) { return msg.call_function('slow') }"),
      {
        isolation: 'inline',
        limits: { timeoutMs: 100 },
        functions: {
          slow: () => {
            const until = performance.now() + 400
            while (performance.now() < until);
            return 3
          },
        },
      },
      async (engine) => {
        assert.equal(engine.execSync('ask', INVITE).code, 3)
        assert.equal((await engine.exec('ask', INVITE)).code, 3)
      },
    ))

  it('applies to a loop while a function of the embedder runs', () =>
    withEngine(
      handler("ask(msg) { msg.call_function('quick'); for (;;); }"),
      { isolation: 'inline', limits: { timeoutMs: 50 }, functions: { quick: () => 1 } },
      async (engine) => {
        assert.equal(engine.execSync('ask', INVITE).error?.code, 'ERR_SIPLET_TIMEOUT')
        assert.equal((await engine.exec('ask', INVITE)).error?.code, 'ERR_SIPLET_TIMEOUT')
      },
    ))

  it('applies to each of many children in one thread', () =>
    withEngine(
      LOOP,
      { isolation: 'inline', children: 20, affinity: 'none', limits: { timeoutMs: 20 } },
      async (engine) => {
        const results = await Promise.all(
          Array.from({ length: 40 }, (_, i) => engine.exec(i % 2 ? 'fine' : 'loop', INVITE)),
        )
        for (const [i, { error, code }] of results.entries()) {
          if (i % 2) assert.equal(code, 7)
          else assert.equal(error?.code, 'ERR_SIPLET_TIMEOUT')
        }
      },
    ))
})

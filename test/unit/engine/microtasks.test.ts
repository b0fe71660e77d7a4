/** Promises in a script: when their microtasks run, and which exec is to blame for them. */
import assert from 'node:assert/strict'
import { handler, ISOLATIONS, withEngine } from '../../support/engine.ts'
import { INVITE } from '../../support/messages.ts'

const SCRIPT = handler(`
  flood() {
    const end = Date.now() + 60
    while (Date.now() < end);
    // Returns nothing: a promise that is resolved with the next one would be kept, and the memory limit would end the
    // child.
    const next = () => { Promise.resolve().then(next) }
    next()
    return 2
  },
  later() { this.ran = []; Promise.resolve().then(() => this.ran.push('microtask')); this.ran.push('exec'); return 3 },
  order() { return this.ran.join() === 'exec,microtask' ? 4 : -4 },
  reject() { this.rejections = (this.rejections ?? 0) + 1; Promise.reject(new Error('nobody handles this')); return this.rejections },
  trap() { Promise.reject({ get stack() { for (;;); }, get message() { for (;;); } }); return 5 },
  hidden() { const p = globalThis['Pro' + 'mise']; p['re' + 'ject']({ get stack() { for (;;); } }); return 6 },
  compiled() {
    const make = (() => {}).constructor
    make("(as" + "ync () => { throw { get stack() { for (;;); } } })()")()
    return 7
  },
  plain() { return 1 }`)

for (const isolation of ISOLATIONS) {
  describe(`promises of a script, ${isolation}`, () => {
    it('a flood of microtasks ends the child, but costs no exec that did not begin', async () => {
      // A slice is an eighth of the time limit: the batch ends with the flood.
      const limits = { timeoutMs: 400 }
      await withEngine(SCRIPT, { isolation, limits }, async (engine) => {
        const results = await Promise.all(
          ['plain', 'flood', 'plain', 'plain'].map((method) => engine.exec(method, INVITE)),
        )
        assert.deepEqual(
          results.map(({ code, error }) => error?.code ?? code),
          [1, 2, 1, 1],
        )
        assert.equal(engine.stats().children[0]!.rebuilds.timeout, 1)
      })
    }).timeout(60_000)

    it('microtasks run when their batch has ended', async () => {
      await withEngine(SCRIPT, { isolation, limits: { timeoutMs: 10_000 } }, async (engine) => {
        assert.equal((await engine.exec('later', INVITE)).code, 3)
        assert.equal((await engine.exec('order', INVITE)).code, 4)
      })
    }).timeout(60_000)

    it('an unhandled rejection has no effect, and its value is not read', async () => {
      await withEngine(SCRIPT, { isolation, limits: { timeoutMs: 10_000 } }, async (engine) => {
        for (const code of [1, 2, 3]) assert.equal((await engine.exec('reject', INVITE)).code, code)
        assert.equal((await engine.exec('trap', INVITE)).code, 5)
        assert.equal((await engine.exec('hidden', INVITE)).code, 6)
        assert.equal((await engine.exec('compiled', INVITE)).code, 7)
        assert.deepEqual(engine.stats().children[0]!.rebuilds, { timeout: 0, memory: 0, lost: 0 })
      })
    }).timeout(60_000)

    for (const method of ['hidden', 'compiled']) {
      it(`the first promise of a script may come from anywhere: ${method}`, async () => {
        const script = SCRIPT.replace(/Promise\./g, 'none.').replace(/async/g, '')
        await withEngine(script, { isolation, limits: { timeoutMs: 10_000 } }, async (engine) => {
          assert.equal((await engine.exec('plain', INVITE)).code, 1)
          assert.ok((await engine.exec(method, INVITE)).code > 5)
          assert.equal((await engine.exec('plain', INVITE)).code, 1)
          assert.deepEqual(engine.stats().children[0]!.rebuilds, { timeout: 0, memory: 0, lost: 0 })
        })
      }).timeout(60_000)
    }

    for (const [where, source] of [
      ['the top level', `throw { get stack() { for (;;); } }; ${SCRIPT}`],
      ['the top level, rejected', `Promise.reject({ get stack() { for (;;); } }); throw 1; ${SCRIPT}`],
      ['mod_init', 'function mod_init() { throw { get stack() { for (;;); } } }'],
      [
        'a getter that is mod_init',
        'Object.defineProperty(globalThis, "mod_init", { get() { throw { get message() { for (;;); } } } })',
      ],
      ['an export', 'export const mod_init = 1; throw new Proxy({}, { get() { for (;;); } })'],
    ] as const) {
      it(`a start that throws a value whose getters loop ends in time: ${where}`, async () => {
        const start = withEngine(source, { isolation, limits: { initTimeoutMs: 300 } }, async () => {})
        await assert.rejects(start, { code: /^ERR_SIPLET_(SCRIPT_LOAD|MOD_INIT)$/ })
      }).timeout(60_000)
    }
  })
}

describe('a rebuild that throws a value whose getters loop', () => {
  it('leaves no exec without an answer', async () => {
    // A script can only tell its second start from its first by the time.
    const script = SCRIPT.replace(
      'function mod_init() {',
      `function mod_init() { if (Date.now() > ${Date.now() + 3_000}) throw { get stack() { for (;;); } };`,
    )
    const limits = { timeoutMs: 200, initTimeoutMs: 300 }
    await withEngine(script, { isolation: 'inline', limits }, async (engine) => {
      await new Promise((resolve) => setTimeout(resolve, 3_100))
      const results = await Promise.all(
        ['flood', 'plain', 'plain'].map((method) => engine.exec(method, INVITE)),
      )
      assert.deepEqual(
        results.map(({ code, error }) => error?.code ?? code),
        [2, 'ERR_SIPLET_MOD_INIT', 'ERR_SIPLET_MOD_INIT'],
      )
    })
  }).timeout(60_000)
})

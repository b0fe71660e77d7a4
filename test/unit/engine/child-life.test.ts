/** The life of a child: the script is evaluated once, mod_init runs once, child_init(rank) runs once, then messages. */
import assert from 'node:assert/strict'
import { createEngine, type Engine, type EngineOptions } from '@siplet/engine'
import { handler, ISOLATIONS, keepingLogger, scriptFile, withEngine } from '../../support/engine.ts'
import { INVITE, inviteOf } from '../../support/messages.ts'

/** Its code says what has happened in this child: 100 * rank + number of calls. The rest is logged. */
const COUNTING = `
  let evaluated = 0, inits = 0, childInits = 0
  evaluated++
  class Handler {
    child_init(rank) { childInits++; this.rank = rank; this.calls = 0; return 0 }
    count() {
      if (evaluated !== 1 || inits !== 1 || childInits !== 1) return -2
      return 100 * this.rank + ++this.calls
    }
  }
  function mod_init() { inits++; return new Handler() }`

for (const isolation of ISOLATIONS) {
  describe(`a child, ${isolation}`, () => {
    it('has its rank, is initialised once, and keeps state of its own: two children, four messages each', async () => {
      await withEngine(COUNTING, { isolation, children: 2, affinity: 'call-id' }, async (engine) => {
        const seen = new Map<string, number[]>()
        const results = await Promise.all(
          Array.from({ length: 40 }, async (_, k) => {
            const callId = `call-${k % 10}`
            const result = await engine.exec('count', inviteOf(callId))
            assert.equal(result.error, null)
            assert.equal(Math.floor(result.code / 100), result.child)
            seen.set(callId, [...(seen.get(callId) ?? []), result.child])
            return result
          }),
        )
        for (const [callId, children] of seen)
          assert.equal(new Set(children).size, 1, `${callId} went to ${children}`)
        for (const rank of [1, 2]) {
          const counts = results.filter(({ child }) => child === rank).map(({ code }) => code % 100)
          assert.ok(counts.length > 0, `child ${rank} got messages`)
          assert.deepEqual(
            counts,
            Array.from(counts, (_, k) => k + 1),
            'in order, none twice',
          )
        }
      })
    })

    it("affinity 'none' distributes messages of one Call-ID over the children", async () => {
      await withEngine(COUNTING, { isolation, children: 2, affinity: 'none' }, async (engine) => {
        const results = await Promise.all(Array.from({ length: 40 }, () => engine.exec('count', INVITE)))
        assert.deepEqual(new Set(results.map(({ child }) => child)), new Set([1, 2]))
      })
    })

    it('logs of its init functions carry its rank', async () => {
      const logger = keepingLogger()
      const source = `LM_INFO('top'); ${handler('x() { return 1 }').replace('{ this.rank', "{ LM_ERR('child', rank); this.rank")}`
      await withEngine(source, { isolation, children: 2, logger }, async () => {
        const lines = logger.records.map(({ level, fields, message }) => [level, fields.rank, message])
        assert.deepEqual(
          lines.toSorted((a, b) => Number(a[1]) - Number(b[1])),
          [
            ['info', 1, 'top'],
            ['error', 1, 'child 1'],
            ['info', 2, 'top'],
            ['error', 2, 'child 2'],
          ],
        )
      })
    })

    it('a line feed at the end of a log line, as OpenSIPS scripts write it, is removed; others are kept', async () => {
      const logger = keepingLogger()
      const source = handler(
        "x() { LM_ERR('one\\n'); LM_ERR('two\\nlines\\r\\n'); LM_ERR('three\\n\\n'); return 1 }",
      )
      await withEngine(source, { isolation, logger }, async (engine) => {
        await engine.exec('x', INVITE)
        assert.deepEqual(
          logger.records.map(({ message }) => message),
          ['one', 'two\nlines', 'three\n'],
        )
      })
    })

    it('mod_init_function and child_init_method may have other names, also under the OpenSIPS names', async () => {
      const source =
        'function boot() { return { up(rank) { this.rank = rank; return true }, x() { return this.rank } } }'
      const options = {
        mod_init_function: 'boot',
        child_init_method: 'up',
        isolation,
      } as Partial<EngineOptions>
      await withEngine(source, options, async (engine) => {
        assert.equal((await engine.exec('x', INVITE)).code, 1)
        assert.deepEqual(engine.methods, ['up', 'x'])
      })
    })

    it('methods may be inherited', async () => {
      const source = `
        class Base { child_init() { return 0 } base() { return 1 } }
        class Handler extends Base { own() { return 2 } }
        function mod_init() { return new Handler() }`
      await withEngine(source, { isolation }, async (engine) => {
        assert.deepEqual(engine.methods, ['own', 'child_init', 'base'])
        assert.equal((await engine.exec('base', INVITE)).code, 1)
      })
    })

    const init = (childInit: string) => `function mod_init() { return { child_init(rank) { ${childInit} } } }`
    const failures: [title: string, source: string, code: string, message: RegExp][] = [
      ['no mod_init', 'const x = 1', 'ERR_SIPLET_MOD_INIT', /child 1: mod_init is not defined/],
      ['mod_init is no function', 'var mod_init = 5', 'ERR_SIPLET_MOD_INIT', /mod_init is a number/],
      [
        'mod_init throws',
        "function mod_init() { throw new Error('no') }",
        'ERR_SIPLET_MOD_INIT',
        /Error: no \(at .*:1:29\)/,
      ],
      [
        'mod_init returns nothing',
        'function mod_init() {}',
        'ERR_SIPLET_MOD_INIT',
        /must return the object.*undefined/,
      ],
      [
        'mod_init returns a string',
        "function mod_init() { return 'x' }",
        'ERR_SIPLET_MOD_INIT',
        /not a string/,
      ],
      ['mod_init is async', 'async function mod_init() { return {} }', 'ERR_SIPLET_MOD_INIT', /promise/],
      [
        'no child_init',
        'function mod_init() { return {} }',
        'ERR_SIPLET_CHILD_INIT',
        /no method child_init: add one that returns 0, or .*childInitMethod.* \(in \S+script\.js\)$/,
      ],
      ['child_init is negative', init('return -3'), 'ERR_SIPLET_CHILD_INIT', /child_init\(1\) returned -3/],
      ['child_init throws', init("throw new TypeError('no')"), 'ERR_SIPLET_CHILD_INIT', /TypeError: no \(at/],
      ['child_init returns nothing', init(''), 'ERR_SIPLET_CHILD_INIT', /integer >= 0, not undefined/],
      ['child_init returns a fraction', init('return 0.5'), 'ERR_SIPLET_CHILD_INIT', /the number 0.5/],
      [
        'the top level throws',
        'null.x; function mod_init() {}',
        'ERR_SIPLET_SCRIPT_LOAD',
        /child 1: the top level of .*:1:6/,
      ],
      [
        'the top level never ends',
        'for (;;);',
        'ERR_SIPLET_SCRIPT_LOAD',
        /longer than limits.initTimeoutMs \(200 ms\)/,
      ],
      ['mod_init never ends', 'function mod_init() { for (;;); }', 'ERR_SIPLET_MOD_INIT', /longer than/],
      [
        'child_init never ends',
        init('for (;;);'),
        'ERR_SIPLET_CHILD_INIT',
        /child_init\(1\) ran longer than/,
      ],
    ]
    for (const [title, source, code, message] of failures) {
      it(`fails the start: ${title}`, async () => {
        const scriptName = scriptFile(source)
        const limits = { initTimeoutMs: 200 }
        await assert.rejects(createEngine({ scriptName, isolation, limits, logger: keepingLogger() }), {
          name: 'SipletError',
          code,
          rank: 1,
          message,
        })
      })
    }

    it('if one child refuses, the start of all fails, and the error names its rank', async () => {
      const scriptName = scriptFile(init('return rank === 2 ? -1 : 0'))
      await assert.rejects(createEngine({ scriptName, isolation, children: 3, logger: keepingLogger() }), {
        code: 'ERR_SIPLET_CHILD_INIT',
        rank: 2,
      })
    })
  })
}

describe('an engine', () => {
  it('answers accepted execs before it closes, and refuses later ones', async () => {
    let engine!: Engine
    const accepted = await withEngine(
      handler('x() { return 1 }'),
      { isolation: 'thread' },
      async (started) => {
        engine = started
        return [engine.exec('x', INVITE), engine.exec('x', INVITE)]
      },
    )
    for (const result of await Promise.all(accepted)) assert.equal(result.code, 1)
    const refused = await engine.exec('x', INVITE)
    assert.equal(refused.error?.code, 'ERR_SIPLET_CLOSED')
    assert.equal(refused.code, -1)
    await engine.close()
  })
})

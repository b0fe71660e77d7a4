/** Results of execs. */
import assert from 'node:assert/strict'
import { createEngine, type ExecOptions } from '@siplet/engine'
import { SIPMessage } from '@siplet/sipmsg'
import { handler, ISOLATIONS, keepingLogger, scriptFile, withEngine } from '../../support/engine.ts'
import { INVITE, inviteOf, RINGING, sip } from '../../support/messages.ts'

for (const isolation of ISOLATIONS) {
  describe(`exec, ${isolation}`, () => {
    const returning = (expression: string) =>
      withEngine(handler(`x() { return ${expression} }`), { isolation }, (e) => e.exec('x', INVITE))

    for (const [expression, code, verdict] of [
      ['1', 1, 'true'],
      ['0', 0, 'stop'],
      ['-7', -7, 'false'],
      ['true', 1, 'true'],
      ['false', 0, 'stop'],
      ['2147483647', 2147483647, 'true'],
      ['-2147483648', -2147483648, 'false'],
    ] as const) {
      it(`a method that returns ${expression}: code ${code}, verdict ${verdict}`, async () => {
        const result = await returning(expression)
        assert.deepEqual([result.code, result.verdict, result.error], [code, verdict, null])
      })
    }

    for (const expression of [
      'undefined',
      'null',
      "'1'",
      '1.5',
      'NaN',
      '2147483648',
      '{}',
      '1n',
      'Promise.resolve(1)',
    ]) {
      it(`a method that returns ${expression}: ERR_SIPLET_RETURN_TYPE`, async () => {
        const { code, error, verdict } = await returning(expression)
        assert.equal(code, -1)
        assert.equal(verdict, 'false')
        assert.equal(error?.code, 'ERR_SIPLET_RETURN_TYPE')
        assert.match(error.message, /^x\(\) must return a 32-bit integer, not /)
      })
    }

    it('a failing message does not affect the next one: missing method, exception, odd result', async () => {
      const source = handler("good() { return 5 }, throws() { throw new Error('no') }, nothing() {}")
      await withEngine(source, { isolation }, async (engine) => {
        for (const [method, code] of [
          ['missing', 'ERR_SIPLET_METHOD_NOT_FOUND'],
          ['throws', 'ERR_SIPLET_SCRIPT'],
          ['nothing', 'ERR_SIPLET_RETURN_TYPE'],
        ] as const) {
          const result = await engine.exec(method, INVITE)
          assert.equal(result.error?.code, code)
          assert.equal(result.code, -1)
          assert.equal((await engine.exec('good', INVITE)).code, 5)
        }
        assert.deepEqual(engine.stats().errors, {
          ERR_SIPLET_METHOD_NOT_FOUND: 1,
          ERR_SIPLET_SCRIPT: 1,
          ERR_SIPLET_RETURN_TYPE: 1,
        })
      })
    })

    it('extraArgs is the second argument; without extraArgs there is only one argument', async () => {
      await withEngine(
        handler("x(...args) { return args.length === 1 ? 1 : args[1] === 'ä' ? 2 : 3 }"),
        { isolation },
        async (engine) => {
          assert.equal((await engine.exec('x', INVITE)).code, 1)
          assert.equal((await engine.exec('x', INVITE, { extraArgs: 'ä' })).code, 2)
          assert.equal((await engine.exec('x', INVITE, { extraArgs: '' })).code, 3)
        },
      )
    })

    it('the route is the one that the embedder gives', async () => {
      await withEngine(handler('x(msg) { LM_INFO(msg.Route); return 1 }'), { isolation }, async (engine) => {
        const route = async (message: string, options: ExecOptions) =>
          (await engine.exec('x', message, options)).logs[0]?.text
        assert.equal(await route(INVITE, {}), 'REQUEST_ROUTE')
        assert.equal(await route(RINGING, {}), 'ONREPLY_ROUTE')
        assert.equal(await route(INVITE, { route: 'BRANCH_ROUTE' }), 'BRANCH_ROUTE')
        assert.equal(await route(RINGING, { route: 'FAILURE_ROUTE' }), 'FAILURE_ROUTE')
      })
    })

    it('edits made before an exception stay, as in the OpenSIPS module', async () => {
      const source = handler("x(msg) { msg.rewrite_ruri('sip:a@b'); throw new Error('late') }")
      const result = await withEngine(source, { isolation }, (engine) => engine.exec('x', INVITE))
      assert.equal(result.error?.code, 'ERR_SIPLET_SCRIPT')
      assert.equal(result.message.ruri, 'sip:a@b')
    })

    it('an exception carries the stack of the script as written, TypeScript included', async () => {
      const source = `interface Unused { a: number }

export function mod_init() {
  return {
    child_init: (): number => 0,
    x(msg: { Method: string }): number {
      const nothing: Unused | undefined = undefined
      return nothing!.a
    },
  }
}`
      const scriptName = scriptFile(source, 'typed.ts')
      const { error } = await withEngine('', { isolation, scriptName }, (engine) => engine.exec('x', INVITE))
      assert.equal(error?.message, "TypeError: Cannot read properties of undefined (reading 'a')")
      assert.deepEqual(error.stack?.split('\n').slice(1), [`    at Object.x (${scriptName}:8:23)`])
      assert.equal(error.rank, 1)
    })

    for (const [thrown, message] of [
      ["'text'", 'the script threw "text"'],
      ['null', 'the script threw null'],
      ['{}', 'the script threw an object without a message'],
      ['new Proxy({}, { get() { throw 1 } })', 'the script threw a value that cannot be read'],
      [
        "Object.defineProperty(new Error('x'), 'stack', { get() { throw 1 } })",
        'the script threw a value that cannot be read',
      ],
    ] as const) {
      it(`throwing ${thrown} gives the error text "${message}"`, async () => {
        const { error } = await withEngine(handler(`x() { throw ${thrown} }`), { isolation }, (e) =>
          e.exec('x', INVITE),
        )
        assert.equal(error?.code, 'ERR_SIPLET_SCRIPT')
        assert.equal(error.message, message)
      })
    }

    it('an endless loop ends with ERR_SIPLET_TIMEOUT; the child is rebuilt, other children are not affected', async () => {
      const source = handler('n: 0, loop() { for (;;); }, count() { return ++this.n }')
      await withEngine(source, { isolation, children: 1 }, async (engine) => {
        const execs = [1, 2, 0, 3, 4].map((k) =>
          engine.exec(k === 0 ? 'loop' : 'count', inviteOf(`call-${k}`)),
        )
        const results = await Promise.all(execs)
        assert.deepEqual(
          results.map(({ code }) => code),
          [1, 2, -1, 1, 2],
        )
        assert.equal(results[2]!.error?.code, 'ERR_SIPLET_TIMEOUT')
        assert.deepEqual(engine.stats().children[0]!.rebuilds, { timeout: 1, memory: 0, lost: 0 })
        assert.equal(engine.stats().children[0]!.rank, 1)
      })
    })

    it('a script that fills its memory ends with ERR_SIPLET_MEMORY; the child is rebuilt with its rank', async () => {
      const source = handler(
        "bomb() { const all = []; for (;;) all.push('x'.repeat(1000) + all.length) }, rank_() { return this.rank }",
      )
      await withEngine(source, { isolation, limits: { memoryMb: 16, timeoutMs: 10_000 } }, async (engine) => {
        const results = await Promise.all([engine.exec('bomb', INVITE), engine.exec('rank_', INVITE)])
        assert.equal(results[0].error?.code, 'ERR_SIPLET_MEMORY')
        assert.equal(results[1].code, 1)
        assert.equal(engine.stats().children[0]!.rebuilds.memory, 1)
      })
    })

    it('messages that arrive while a child is busy form one batch', async () => {
      await withEngine(
        handler('x() { return 1 }'),
        { isolation, limits: { maxBatch: 50 } },
        async (engine) => {
          await Promise.all(Array.from({ length: 500 }, () => engine.exec('x', INVITE)))
          const { execs, batches } = engine.stats().children[0]!
          assert.equal(execs, 500)
          assert.ok(batches >= 10 && batches <= 20, `${batches} batches`)
        },
      )
    })

    it('a message larger than a batch buffer is passed whole', async () => {
      const large = `${INVITE.slice(0, -'Content-Length: 0\r\n\r\n'.length)}Content-Length: 3000000\r\n\r\n${'x'.repeat(3_000_000)}`
      await withEngine(
        handler('x(msg) { return msg.body.length }'),
        { isolation, limits: { timeoutMs: 5_000 } },
        async (engine) => {
          assert.equal((await engine.exec('x', large)).code, 3_000_000)
          assert.equal((await engine.exec('x', INVITE)).code, 0)
        },
      )
    })

    it('messages of any length are passed whole, alone and in a batch', async () => {
      const source = handler(
        "x(msg) { msg.setHeader('X-Sum', String(msg.raw.length)); return msg.body.charCodeAt(msg.body.length - 1) }",
      )
      const messages = Array.from({ length: 60 }, (_, i) => {
        const body = `${'b'.repeat(700 + 53 * i)}${String.fromCharCode(65 + (i % 26))}`
        return `${INVITE.slice(0, -'Content-Length: 0\r\n\r\n'.length)}Content-Length: ${body.length}\r\n\r\n${body}`
      })
      await withEngine(source, { isolation }, async (engine) => {
        const together = await Promise.all(messages.map((message) => engine.exec('x', message)))
        for (const [i, message] of messages.entries()) {
          for (const result of [together[i]!, await engine.exec('x', message)]) {
            assert.equal(result.code, 65 + (i % 26))
            assert.equal(result.message.getHeader('X-Sum'), String(message.length))
            assert.equal(
              result.message.toBuffer().length,
              message.length + `X-Sum: ${message.length}\r\n`.length,
            )
          }
        }
      })
    })

    it('edits beyond limits.maxResultBytes give ERR_SIPLET_RESULT_TOO_LARGE', async () => {
      const source = handler("x(msg) { msg.setBody('x'.repeat(100_000), 'text/plain'); return 1 }")
      const limits = { maxResultBytes: 50_000 }
      const result = await withEngine(source, { isolation, limits }, (engine) => engine.exec('x', INVITE))
      assert.equal(result.error?.code, 'ERR_SIPLET_RESULT_TOO_LARGE')
      assert.equal(result.message.toBuffer().toString(), INVITE)
    })

    it('beyond limits.maxQueueBytes, execs get ERR_SIPLET_OVERLOAD at once; one exec may always wait', async () => {
      const long = sip({ body: 'x'.repeat(1_500) })
      const limits = { maxQueueBytes: 1_024 + 2 * INVITE.length, timeoutMs: 10_000 }
      await withEngine(handler('x() { return 1 }'), { isolation, limits }, async (engine) => {
        const codes = async (messages: string[]) => {
          const results = await Promise.all(messages.map((message) => engine.exec('x', message)))
          return results.map(({ code, error }) => error?.code ?? code)
        }
        // Repeated, because answered execs must no longer count as waiting.
        for (let time = 0; time < 3; time++) {
          assert.deepEqual(await codes([long, INVITE]), [1, 'ERR_SIPLET_OVERLOAD'])
          assert.deepEqual(await codes([INVITE, INVITE, long]), [1, 1, 'ERR_SIPLET_OVERLOAD'])
        }
      })
    })

    it('beyond limits.maxQueue, execs get ERR_SIPLET_OVERLOAD at once; the others are answered', async () => {
      await withEngine(
        handler('x() { return 1 }'),
        { isolation, limits: { maxQueue: 3 } },
        async (engine) => {
          const results = await Promise.all(Array.from({ length: 5 }, () => engine.exec('x', INVITE)))
          assert.deepEqual(
            results.map(({ error }) => error?.code ?? 'done'),
            ['done', 'done', 'done', 'ERR_SIPLET_OVERLOAD', 'ERR_SIPLET_OVERLOAD'],
          )
          assert.equal((await engine.exec('x', INVITE)).code, 1)
        },
      )
    })

    it('bytes that are not SIP give ERR_SIPLET_NOT_SIP and reach no child', async () => {
      await withEngine(handler('x() { return 1 }'), { isolation }, async (engine) => {
        const { error, child, edited } = await engine.exec('x', 'GET / HTTP/1.1\r\n\r\n')
        assert.equal(error?.code, 'ERR_SIPLET_NOT_SIP')
        assert.equal(child, 0)
        assert.equal(edited, false)
      })
    })

    it('the logger gets log lines in order, with rank, method and Call-ID of their exec', async () => {
      const logger = keepingLogger()
      const source = handler(
        "x(msg, text) { if (text) LM_WARN('say', text); if (text) console.log({ a: 1 }, 5n, null); return 1 }",
      )
      await withEngine(source, { isolation, logger }, async (engine) => {
        const results = await Promise.all(
          ['', 'a', '', 'b', ''].map((extraArgs, k) =>
            engine.exec('x', inviteOf(`call-${k}`), extraArgs ? { extraArgs } : {}),
          ),
        )
        assert.deepEqual(
          results.map(({ logs }) => logs.map(({ text }) => text)),
          [[], ['say a', '{"a":1} 5n null'], [], ['say b', '{"a":1} 5n null'], []],
        )
        assert.deepEqual(logger.records[0], {
          level: 'warn',
          fields: { rank: 1, method: 'x', callId: 'call-1' },
          message: 'say a',
        })
        assert.equal(logger.records.length, 4)
      })
    })

    it('errors are logged once each, repeated ones with a rate limit', async () => {
      const logger = keepingLogger()
      await withEngine(handler("x() { throw new Error('no') }"), { isolation, logger }, async (engine) => {
        for (let k = 0; k < 20; k++) await engine.exec('x', INVITE)
        assert.deepEqual(
          logger.records.map(({ level, message }) => [level, message]),
          [['error', 'x: Error: no']],
        )
        assert.equal(engine.stats().errors.ERR_SIPLET_SCRIPT, 20)
      })
    })
  })
}

const THROWING = new Proxy(
  {},
  {
    get() {
      throw new Error('a trap')
    },
  },
)
const { proxy: REVOKED, revoke } = Proxy.revocable({}, {})
revoke()

describe('exec with arguments of the wrong type', () => {
  const wrong: [title: string, args: unknown[], message: RegExp][] = [
    ['method', [5, INVITE], /method must be the name of a method.*not 5/],
    ['an empty method', ['', INVITE], /method must be/],
    ['message', ['x', { a: 1 }], /message must be a Buffer/],
    ['route', ['x', INVITE, { route: 'ROUTE' }], /route must be one of REQUEST_ROUTE.*"ROUTE"/],
    ['src', ['x', INVITE, { src: '192.0.2.1' }], /src must be \[ip, port\]/],
    ['a port', ['x', INVITE, { dst: ['192.0.2.1', 65_536] }], /dst must be \[ip, port\]/],
    ['extraArgs', ['x', INVITE, { extraArgs: 5 }], /extraArgs must be a string/],
    ['options of null', ['x', INVITE, null], /options must be an object.*not null/],
    ['options of text', ['x', INVITE, 'REQUEST_ROUTE'], /options must be an object.*not "REQUEST_ROUTE"/],
    ['options whose getter throws', ['x', INVITE, THROWING], /an argument cannot be read: a trap/],
    ['a message whose getters throw', ['x', THROWING], /message must be a Buffer/],
    ['a Proxy of a message', ['x', new Proxy(Buffer.from(INVITE), {})], /message must be a Buffer/],
    ['a Proxy of a SIPMessage', ['x', new Proxy(new SIPMessage(Buffer.from(INVITE)), {})], /cannot be read/],
    ['a revoked Proxy', ['x', REVOKED], /an argument cannot be read/],
  ]
  for (const [title, args, message] of wrong) {
    it(`${title}: rejects with ERR_SIPLET_ARGUMENT`, async () => {
      await withEngine(handler('x() { return 1 }'), { isolation: 'inline' }, async (engine) => {
        const exec = engine.exec.bind(engine) as unknown as (...args: unknown[]) => Promise<unknown>
        await assert.rejects(exec(...args), { code: 'ERR_SIPLET_ARGUMENT', message })
      })
    })
  }
})

describe('execSync', () => {
  it('answers on the calling thread', async () => {
    await withEngine(
      handler("x(msg) { msg.rewrite_ruri('sip:a@b'); return 3 }"),
      { isolation: 'inline' },
      async (engine) => {
        const result = engine.execSync('x', INVITE)
        assert.equal(result.code, 3)
        assert.equal(result.message.ruri, 'sip:a@b')
      },
    )
  })

  it('stops an endless loop and continues with a rebuilt child', async () => {
    await withEngine(
      handler('loop() { for (;;); }, x() { return 1 }'),
      { isolation: 'inline' },
      async (engine) => {
        assert.equal(engine.execSync('loop', INVITE).error?.code, 'ERR_SIPLET_TIMEOUT')
        assert.equal(engine.execSync('x', INVITE).code, 1)
      },
    )
  })

  it('is refused in isolation thread', async () => {
    await withEngine(handler('x() { return 1 }'), { isolation: 'thread' }, async (engine) => {
      assert.throws(() => engine.execSync('x', INVITE), { code: 'ERR_SIPLET_SYNC' })
    })
  })

  it('is refused while execs of exec() wait', async () => {
    await withEngine(handler('x() { return 1 }'), { isolation: 'inline' }, async (engine) => {
      const waiting = engine.exec('x', INVITE)
      assert.throws(() => engine.execSync('x', INVITE), { code: 'ERR_SIPLET_SYNC', message: /busy/ })
      assert.equal((await waiting).code, 1)
      assert.equal(engine.execSync('x', INVITE).code, 1)
    })
  })
})

describe('a script that cannot be loaded', () => {
  const cases: [title: string, name: string, source: string, code: string, message: RegExp][] = [
    [
      'syntax error in JavaScript',
      's.js',
      'function mod_init() {\n  return {{}\n}',
      'ERR_SIPLET_SCRIPT_SYNTAX',
      /s\.js:2:11: Expected identifier/,
    ],
    [
      'syntax error in TypeScript',
      's.ts',
      'const x: = 5',
      'ERR_SIPLET_SCRIPT_SYNTAX',
      /s\.ts:1:10: .*\n +1 │ const x: = 5/,
    ],
    [
      'a Node built-in',
      's.ts',
      "import fs from 'node:fs'\nexport const x = fs",
      'ERR_SIPLET_SCRIPT_IMPORT',
      /"node:fs" cannot be imported/,
    ],
    [
      'a built-in by require',
      's.cjs',
      "module.exports = require('fs')",
      'ERR_SIPLET_SCRIPT_IMPORT',
      /"fs" cannot be imported/,
    ],
    [
      'a missing import',
      's.ts',
      "import './nope.ts'",
      'ERR_SIPLET_SCRIPT_IMPORT',
      /"\.\/nope\.ts" cannot be imported: there is no such file/,
    ],
    [
      'await at the top level',
      's.mts',
      'await 1; export const mod_init = 1',
      'ERR_SIPLET_SCRIPT_SYNTAX',
      /await at the top level/,
    ],
    ['another extension', 's.lua', '', 'ERR_SIPLET_SCRIPT_TYPE', /\.lua is not supported; use one of \.js/],
    ['no extension', 's', '', 'ERR_SIPLET_SCRIPT_TYPE', /it has no extension/],
  ]
  for (const [title, name, source, code, message] of cases) {
    it(title, async () => {
      await assert.rejects(createEngine({ scriptName: scriptFile(source, name) }), { code, message })
    })
  }

  it('is not there', async () => {
    await assert.rejects(createEngine({ scriptName: 'nowhere.ts' }), {
      code: 'ERR_SIPLET_SCRIPT_NOT_FOUND',
      message: 'script nowhere.ts cannot be read: there is no such file',
    })
  })
})

describe('a script of every kind', () => {
  const kinds: [name: string, source: string][] = [
    ['classic.js', 'function mod_init() { return { child_init() { return 0 }, x() { return 7 } } }'],
    [
      'classic.ts',
      'function mod_init() { return { child_init(r: number) { return 0 }, x(): number { return 7 } } }',
    ],
    ['const.js', 'const mod_init = () => ({ child_init: () => 0, x: () => 7 })'],
    ['module.mjs', 'export function mod_init() { return { child_init: () => 0, x: () => 7 } }'],
    ['common.cjs', 'exports.mod_init = () => ({ child_init: () => 0, x: () => 7 })'],
  ]
  for (const [name, source] of kinds) {
    it(name, async () => {
      const scriptName = scriptFile(source, name)
      assert.equal(
        (await withEngine('', { scriptName, isolation: 'inline' }, (e) => e.exec('x', INVITE))).code,
        7,
      )
    })
  }

  it('with relative imports, their stacks mapped too', async () => {
    const library = scriptFile(
      'export function fail(): never {\n  throw new Error("from the library")\n}',
      'library.ts',
    )
    const main = `import { fail } from ${JSON.stringify(library)}\nexport const mod_init = () => ({ child_init: () => 0, x: () => fail() })`
    const scriptName = scriptFile(main, 'main.ts')
    const { error } = await withEngine('', { scriptName, isolation: 'inline' }, (e) => e.exec('x', INVITE))
    const stack = error?.stack ?? ''
    assert.ok(stack.includes(`${library}:2:9`), stack)
    assert.ok(stack.includes(`${scriptName}:2:`), stack)
  })
})

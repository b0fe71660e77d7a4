/** Every limit: its error, and where the error is counted. exec.test.ts tests limits that end a child. */
import assert from 'node:assert/strict'
import type { EngineOptions } from '@siplet/engine'
import { handler, ISOLATIONS, keepingLogger, withEngine } from '../../support/engine.ts'
import { INVITE, inviteOf } from '../../support/messages.ts'

interface Limit {
  code: string
  methods: string
  limits?: EngineOptions['limits']
  functions?: EngineOptions['functions']
}

const LIMITS: Limit[] = [
  { code: 'ERR_SIPLET_TIMEOUT', methods: 'x() { for (;;); }', limits: { timeoutMs: 20 } },
  {
    code: 'ERR_SIPLET_MEMORY',
    methods: "x() { const all = []; for (;;) all.push('x'.repeat(1000) + all.length) }",
    limits: { memoryMb: 8, timeoutMs: 10_000 },
  },
  { code: 'ERR_SIPLET_STACK', methods: 'x() { return this.x() + 1 }' },
  {
    code: 'ERR_SIPLET_RESULT_TOO_LARGE',
    methods: "x(msg) { msg.setBody('x'.repeat(5000), 'text/plain'); return 1 }",
    limits: { maxResultBytes: 4_096 },
  },
  {
    code: 'ERR_SIPLET_CALL_FUNCTION_LIMIT',
    methods: "x(msg) { for (;;) msg.call_function('f') }",
    limits: { maxFunctionCalls: 3, timeoutMs: 10_000 },
    functions: { f: () => 1 },
  },
]

for (const isolation of ISOLATIONS) {
  describe(`limits, ${isolation}`, () => {
    for (const { code, methods, ...options } of LIMITS) {
      it(`${code}: typed, counted by method and code, and the next exec is answered`, async () => {
        await withEngine(
          handler(`${methods}, rankOf() { return this.rank }`),
          { isolation, ...options },
          async (engine) => {
            const { error } = await engine.exec('x', INVITE)
            assert.equal(error?.code, code)
            assert.equal((await engine.exec('rankOf', INVITE)).code, 1)
            const { errors, methods: counted } = engine.stats()
            assert.deepEqual(errors, { [code]: 1 })
            assert.deepEqual(counted, {
              x: { true: 0, false: 1, stop: 0 },
              rankOf: { true: 1, false: 0, stop: 0 },
            })
            assert.match(await engine.metrics(), new RegExp(`siplet_errors_total{code="${code}"} 1`))
          },
        )
      })
    }

    it('a call that is stopped has its own time; the rest of its batch does not share that time', async () => {
      const script = handler("x(msg) { if (msg.CallID === 'loop') for (;;); return 1 }")
      await withEngine(script, { isolation, limits: { timeoutMs: 200 } }, async (engine) => {
        const execs = ['before', 'loop', 'after'].map((callId) => engine.exec('x', inviteOf(callId)))
        const [before, loop, after] = await Promise.all(execs)
        assert.deepEqual([before!.error, loop!.error?.code, after!.error], [null, 'ERR_SIPLET_TIMEOUT', null])
        assert.deepEqual([before!.sharedBy, loop!.sharedBy, after!.sharedBy], [1, 1, 1])
        // The clock in the isolate has a resolution of a millisecond.
        assert.ok(loop!.us >= 199_000, `${loop!.us} µs`)
      })
    })

    it('buffers outside of the heap count as memory', async () => {
      const script = handler('x() { const all = []; for (;;) all.push(new Uint8Array(2 ** 20).fill(1)) }')
      await withEngine(script, { isolation, limits: { memoryMb: 16, timeoutMs: 10_000 } }, async (engine) => {
        const before = process.memoryUsage.rss()
        const { error } = await engine.exec('x', INVITE)
        assert.ok(['ERR_SIPLET_MEMORY', 'ERR_SIPLET_SCRIPT'].includes(error!.code), error!.message)
        assert.ok(process.memoryUsage.rss() - before < 200 * 2 ** 20)
      })
    })

    it('beyond the limit, a script that catches the error of call_function cannot make further calls', async () => {
      let calls = 0
      const functions = { f: () => ++calls }
      const script = handler(
        "x(msg) { for (let i = 0; i < 10; i++) { try { msg.call_function('f') } catch {} } return 9 }",
      )
      await withEngine(script, { isolation, functions, limits: { maxFunctionCalls: 3 } }, async (engine) => {
        assert.equal((await engine.exec('x', INVITE)).code, 9)
        assert.equal(calls, 3)
      })
    })

    it('log lines beyond limits.maxLogLines per second are dropped and counted, with one warning', async () => {
      const logger = keepingLogger()
      const script = handler("x() { for (let i = 0; i < 50; i++) LM_ERR('line ' + i); return 1 }")
      await withEngine(script, { isolation, logger, limits: { maxLogLines: 10 } }, async (engine) => {
        assert.equal((await engine.exec('x', INVITE)).code, 1)
        const lines = logger.records.filter(({ message }) => message.startsWith('line '))
        assert.deepEqual(
          lines.map(({ message }) => message),
          Array.from({ length: 10 }, (_, i) => `line ${i}`),
        )
        assert.equal(engine.stats().logLinesDropped, 40)
        assert.match(await engine.metrics(), /siplet_log_lines_dropped_total{reason="rate"} 40/)
      })
    })
  })
}

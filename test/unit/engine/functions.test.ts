/** call_function: how a script calls its embedder. */
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { Engine, FunctionMessage } from '@siplet/engine'
import { handler, ISOLATIONS, withEngine } from '../../support/engine.ts'
import { INVITE, inviteOf } from '../../support/messages.ts'

const CALLING = handler('x(msg, name) { return msg.call_function(name) }')

for (const isolation of ISOLATIONS) {
  describe(`call_function, ${isolation}`, () => {
    for (const [kind, wait] of [
      ['sync', () => undefined],
      ['async', () => delay(2)],
    ] as const) {
      it(`to a function that answers ${kind}: the function sees earlier edits, and the script sees those of the function`, async () => {
        const source = handler(`
          x(msg) {
            msg.rewrite_ruri('sip:one@example.com'); msg.set_dst_uri('sip:192.0.2.1'); msg.setHeader('X-Step', '1')
            const code = msg.call_function('f', 'text ä', 5)
            if (msg.getHeader('X-Step') !== '2' || msg.RURI !== 'sip:two@example.com') return -2
            if (msg.dst_uri !== 'sip:192.0.2.2') return -3
            msg.setHeader('X-Step', '3')
            return code
          }`)
        const seen: unknown[] = []
        const f = (message: FunctionMessage, ...args: unknown[]) => {
          seen.push(
            message.ruri,
            message.dstUri,
            message.getHeader('X-Step'),
            message.route,
            message.src,
            args,
          )
          message.setHeader('X-Step', '2')
          message.rewriteRURI('sip:two@example.com')
          message.dstUri = 'sip:192.0.2.2'
          const waiting = wait()
          return waiting === undefined ? 42 : waiting.then(() => 42)
        }
        await withEngine(source, { isolation, functions: { f } }, async (engine) => {
          const result = await engine.exec('x', INVITE, { src: ['192.0.2.10', 5060] })
          assert.equal(result.error, null)
          assert.equal(result.code, 42)
          assert.equal(result.dstUri, 'sip:192.0.2.2')
          assert.equal(result.message.getHeader('X-Step'), '3')
          assert.deepEqual(seen, [
            'sip:one@example.com',
            'sip:192.0.2.1',
            '1',
            'REQUEST_ROUTE',
            ['192.0.2.10', 5060],
            ['text ä', 5],
          ])
        })
      })
    }

    it('clears next hop and edits if a function removes them', async () => {
      const source = handler(
        "x(msg) { msg.set_dst_uri('sip:a'); msg.call_function('f'); return msg.dst_uri === null ? 1 : 2 }",
      )
      const f = (message: FunctionMessage) => {
        message.dstUri = null
        return true
      }
      const result = await withEngine(source, { isolation, functions: { f } }, (e) => e.exec('x', INVITE))
      assert.equal(result.code, 1)
      assert.equal(result.dstUri, null)
    })

    it('many messages with calls over two children: every answer reaches its message', async () => {
      const source = handler("x(msg) { return msg.call_function('f', msg.CallID) }")
      const f = async (message: FunctionMessage, callId: string) => {
        await delay(Number(callId) % 3)
        return message.callId === callId ? Number(callId) : -1
      }
      await withEngine(source, { isolation, children: 2, functions: { f } }, async (engine) => {
        const results = await Promise.all(
          Array.from({ length: 100 }, (_, k) => engine.exec('x', inviteOf(String(k)))),
        )
        assert.deepEqual(
          results.map(({ code }) => code),
          Array.from({ length: 100 }, (_, k) => k),
        )
      })
    })

    const failing: [name: string, f: () => never | unknown, code: string, message: RegExp][] = [
      [
        'throws',
        () => {
          throw new Error('no way')
        },
        'ERR_SIPLET_CALL_FUNCTION',
        /f\(\) failed: no way/,
      ],
      [
        'rejects',
        () => Promise.reject(new Error('no way')),
        'ERR_SIPLET_CALL_FUNCTION',
        /f\(\) failed: no way/,
      ],
      ['returns a string', () => '1', 'ERR_SIPLET_CALL_FUNCTION', /must return a 32-bit integer, not 1/],
      ['resolves with nothing', async () => undefined, 'ERR_SIPLET_CALL_FUNCTION', /not undefined/],
      [
        'never answers',
        () => new Promise(() => {}),
        'ERR_SIPLET_CALL_FUNCTION_TIMEOUT',
        /callFunctionTimeoutMs \(50 ms\)/,
      ],
    ]
    for (const [title, f, code, message] of failing) {
      it(`to a function that ${title}: ${code} in the script at that line; the script may continue`, async () => {
        const source = handler(`
          caught(msg) { try { msg.call_function('f') } catch (error) { LM_INFO(error.code); return 7 } },
          thrown(msg) { return msg.call_function('f') }`)
        const options = {
          isolation,
          functions: { f: f as () => number },
          limits: { callFunctionTimeoutMs: 50, timeoutMs: 10_000 },
        }
        await withEngine(source, options, async (engine) => {
          const caught = await engine.exec('caught', INVITE)
          assert.equal(caught.code, 7)
          assert.equal(caught.logs[0]!.text, code)
          const { error } = await engine.exec('thrown', INVITE)
          assert.equal(error?.code, 'ERR_SIPLET_SCRIPT')
          assert.match(error.message, message)
        })
      })
    }

    it('the time of a function does not count as time of the script', async () => {
      const slow = () => delay(150, 1)
      const options = { isolation, functions: { slow }, limits: { timeoutMs: 50 } }
      const result = await withEngine(CALLING, options, (e) => e.exec('x', INVITE, { extraArgs: 'slow' }))
      assert.equal(result.error, null)
      assert.equal(result.code, 1)
    })

    it('a script cannot reach inherited properties of the function table', async () => {
      for (const name of ['toString', 'constructor', '__proto__']) {
        const options = { isolation, functions: { f: () => 1 } }
        const { error } = await withEngine(CALLING, options, (e) => e.exec('x', INVITE, { extraArgs: name }))
        assert.match(error!.message, /no such function/)
      }
    })

    it('an exec from within a function runs on another child, and is refused if it would deadlock', async () => {
      let engine!: Engine
      const codes: unknown[] = []
      const nested = async (message: FunctionMessage) => {
        const inner = await engine.exec('inner', message.toBytes())
        codes.push(inner.error?.code ?? inner.child)
        return 1
      }
      const source = handler("outer(msg) { return msg.call_function('nested') }, inner() { return 1 }")
      for (const children of [1, 2]) {
        await withEngine(source, { isolation, children, functions: { nested } }, async (started) => {
          engine = started
          const { code, child } = await engine.exec('outer', INVITE)
          assert.equal(code, 1)
          if (children === 1) assert.deepEqual(codes.splice(0), ['ERR_SIPLET_WOULD_DEADLOCK'])
          else assert.deepEqual(codes.splice(0), [3 - child])
        })
      }
    })

    it('children whose functions wait for each other do not deadlock', async () => {
      let engine!: Engine
      const nested = async (message: FunctionMessage) => {
        await delay(5)
        const inner = await engine.exec('inner', message.toBytes())
        return inner.error === null ? 1 : 2
      }
      const source = handler("outer(msg) { return msg.call_function('nested') }, inner() { return 1 }")
      await withEngine(
        source,
        { isolation, children: 2, affinity: 'none', functions: { nested } },
        async (started) => {
          engine = started
          const results = await Promise.all([engine.exec('outer', INVITE), engine.exec('outer', INVITE)])
          assert.deepEqual(new Set(results.map(({ child }) => child)), new Set([1, 2]))
          // The second request would have closed the circle.
          assert.deepEqual(results.map(({ code }) => code).toSorted(), [1, 2])
        },
      )
    })
  })
}

describe('call_function from execSync', () => {
  it('reaches functions that answer at once', async () => {
    const options = { isolation: 'inline', functions: { f: () => 9 } } as const
    await withEngine(CALLING, options, async (engine) => {
      assert.equal(engine.execSync('x', INVITE, { extraArgs: 'f' }).code, 9)
    })
  })

  it('cannot wait for asynchronous functions: ERR_SIPLET_ASYNC_FUNCTION', async () => {
    const options = { isolation: 'inline', functions: { f: async () => 9 } } as const
    await withEngine(CALLING, options, async (engine) => {
      assert.match(engine.execSync('x', INVITE, { extraArgs: 'f' }).error!.message, /execSync cannot wait/)
    })
  })
})

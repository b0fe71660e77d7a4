/** Functions of the embedder with odd results: each gives an error of its exec, and the engine continues. */
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { Engine, FunctionMessage } from '@siplet/engine'
import { handler, ISOLATIONS, withEngine } from '../../support/engine.ts'
import { INVITE } from '../../support/messages.ts'

const SOURCE = handler(`
  thrown(msg) { return msg.call_function('f') },
  caught(msg) { try { return msg.call_function('f') } catch (error) { LM_INFO(error.code); return 7 } },
  fine(msg) { return msg.call_function('fine') }`)
const LIMITS = { callFunctionTimeoutMs: 100, timeoutMs: 10_000 }

type Odd = (message: FunctionMessage) => unknown
const throwing = (value: () => unknown): Odd => {
  return () => {
    throw value()
  }
}
/** Throws on every operation. */
const hostileProxy = () =>
  new Proxy(() => {}, {
    get: () => {
      throw new Error('no get')
    },
    getPrototypeOf: () => {
      throw new Error('no prototype')
    },
  })
const errorWith = (descriptor: PropertyDescriptor) =>
  Object.defineProperty(new Error(), 'message', descriptor)
/** Returns an object with a `then`, like a promise. */
const thenable = (then: unknown): object => Object.defineProperty({}, 'then', { value: then })

const TIMED_OUT = 'ERR_SIPLET_CALL_FUNCTION_TIMEOUT'
const FAILED = 'ERR_SIPLET_CALL_FUNCTION'

const ODD: [name: string, f: Odd, code?: string][] = [
  ['throws an object without a prototype', throwing(() => Object.create(null))],
  ['throws a Proxy', throwing(hostileProxy)],
  ['throws undefined', throwing(() => undefined)],
  ['throws a symbol', throwing(() => Symbol('s'))],
  ['throws an error whose message is a symbol', throwing(() => errorWith({ value: Symbol('s') }))],
  [
    'throws an error whose message cannot be read',
    throwing(() =>
      errorWith({
        get() {
          throw new Error('no')
        },
      }),
    ),
  ],
  ['throws an error with a message of 10 MB', throwing(() => new Error('x'.repeat(10_000_000)))],
  ['rejects with an object without a prototype', () => Promise.reject(Object.create(null))],
  ['rejects with a Proxy', () => Promise.reject(hostileProxy())],
  ['rejects later with nothing', async () => delay(2).then(() => Promise.reject())],
  ['returns a Proxy', hostileProxy],
  ['returns a BigInt', () => 5n],
  ['returns a symbol', () => Symbol('s')],
  ['returns NaN', () => Number.NaN],
  ['returns 2 ** 31', () => 2 ** 31],
  ['returns half', () => 0.5],
  [
    'returns an object whose toString throws',
    () => ({
      toString() {
        throw new Error('no')
      },
    }),
  ],
  ['resolves with an object without a prototype', async () => Object.create(null)],
  [
    'returns a thenable whose then throws',
    () =>
      thenable(() => {
        throw Object.create(null)
      }),
  ],
  [
    'returns an object whose then cannot be read',
    () =>
      Object.defineProperty({}, 'then', {
        get() {
          throw new Error('no then')
        },
      }),
  ],
  ['returns a thenable that never answers', () => thenable(() => {}), TIMED_OUT],
  ['never answers', () => new Promise(() => {}), TIMED_OUT],
  ['sets dstUri to a BigInt', (message) => Object.assign(message, { dstUri: 5n }) && 1],
  ['sets dstUri to an object', (message) => Object.assign(message, { dstUri: hostileProxy() }) && 1],
  [
    'sets dstUri to text with a line break',
    (message) => Object.assign(message, { dstUri: 'sip:a\r\nX: y' }) && 1,
  ],
  ['sets dstUri to undefined', (message) => Object.assign(message, { dstUri: undefined }) && 1],
  [
    'makes dstUri unreadable',
    (message) =>
      Object.defineProperty(message, 'dstUri', {
        get() {
          throw Object.create(null)
        },
      }) && 1,
  ],
  ['makes its edits unreadable', (message) => Object.defineProperty(message, 'splices', { value: 5 }) && 1],
  [
    'makes edits that do not fit',
    (message) => {
      message.restoreSplices([{ start: 9, end: 1, text: 'x' }])
      return 1
    },
  ],
  [
    'makes edits that leave no start line',
    (message) => {
      message.restoreSplices([{ start: 0, end: 20, text: '' }])
      return 1
    },
  ],
  [
    'makes edits with text that is no bytes',
    (message) => {
      message.restoreSplices([{ start: 60, end: 60, text: '☃' }])
      return 1
    },
  ],
  [
    'makes an edit that throws',
    (message) => {
      message.setHeader('X', 'a\r\nb')
      return 1
    },
  ],
]

for (const isolation of ISOLATIONS) {
  describe(`functions with odd results, ${isolation}`, () => {
    let f: Odd
    let engine: Engine
    let end: () => void
    let ended: Promise<void>
    const unhandled: unknown[] = []
    const note = (reason: unknown) => unhandled.push(reason)
    before(async () => {
      process.on('unhandledRejection', note)
      await new Promise<void>((ready, failed) => {
        const functions = { f: (message: FunctionMessage) => f(message) as number, fine: () => 9 }
        ended = withEngine(SOURCE, { isolation, functions, limits: LIMITS }, async (started) => {
          engine = started
          ready()
          await new Promise<void>((resolve) => {
            end = resolve
          })
        })
        ended.catch(failed)
      })
    })
    after(async () => {
      end()
      await ended
      process.off('unhandledRejection', note)
    })

    for (const [name, odd, code = FAILED] of ODD) {
      it(`a function that ${name}: ${code}`, async () => {
        f = odd
        const [thrown, caught, fine] = await Promise.all(
          ['thrown', 'caught', 'fine'].map((method) => engine.exec(method, INVITE)),
        )
        assert.equal(thrown!.error?.code, 'ERR_SIPLET_SCRIPT')
        assert.match(thrown!.error!.message, /\bf\(\) /)
        assert.ok(thrown!.error!.message.length < 3_000)
        assert.deepEqual([caught!.code, caught!.logs[0]!.text], [7, code])
        assert.equal(fine!.code, 9)
        assert.equal(engine.stats().children[0]!.rebuilds.lost, 0)
        await delay(0)
        assert.deepEqual(unhandled, [])
      })
    }

    it('uses the first answer of a thenable that gives two, and treats -0 as 0', async () => {
      f = () =>
        thenable((resolve: (value: number) => void, reject: (reason: unknown) => void) => {
          resolve(-0)
          resolve(2)
          reject(Object.create(null))
        })
      const { error, code } = await engine.exec('thrown', INVITE)
      assert.deepEqual([error, code], [null, 0])
    })

    it('a function that waits for a reload times out, and the reload continues', async () => {
      let reloaded: Promise<void> | undefined
      f = () => {
        reloaded = engine.reload()
        return reloaded.then(() => 1)
      }
      const { code, logs } = await engine.exec('caught', INVITE)
      assert.deepEqual([code, logs[0]!.text], [7, TIMED_OUT])
      await reloaded
      assert.equal((await engine.exec('fine', INVITE)).code, 9)
    })

    it('a function that waits for the engine to close times out, and the engine closes', async () => {
      let closed: Promise<void> | undefined
      f = () => {
        closed = engine.close()
        return closed.then(() => 1)
      }
      const { code, logs } = await engine.exec('caught', INVITE)
      assert.deepEqual([code, logs[0]!.text], [7, TIMED_OUT])
      await closed
      assert.equal((await engine.exec('fine', INVITE)).error?.code, 'ERR_SIPLET_CLOSED')
      assert.deepEqual(unhandled, [])
    })
  })
}

describe('functions with odd results, execSync', () => {
  const WAITING = new Set(['ERR_SIPLET_CALL_FUNCTION', 'ERR_SIPLET_ASYNC_FUNCTION'])
  for (const [name, odd] of ODD) {
    it(`a function that ${name}`, async () => {
      const options = { isolation: 'inline', functions: { f: odd as () => number, fine: () => 9 } } as const
      await withEngine(SOURCE, options, async (engine) => {
        const { code, logs } = engine.execSync('caught', INVITE)
        assert.equal(code, 7)
        assert.ok(WAITING.has(logs[0]!.text), logs[0]!.text)
        assert.equal(engine.execSync('fine', INVITE).code, 9)
        await delay(0)
      })
    })
  }
})

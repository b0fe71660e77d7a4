/** Code that a script creates from a text: `eval`, `new Function` and similar. Its loops are checked as well. */
import assert from 'node:assert/strict'
import { handler, withEngine } from '../../support/engine.ts'
import { INVITE } from '../../support/messages.ts'

/** Ways to create code from the text `body`, which sets `done` of the global object, and to run it. */
const WAYS: Record<string, string> = {
  'eval, called directly': 'eval(body)',
  'eval, called otherwise': '(0, eval)(body)',
  'new Function': 'new Function(body)()',
  'Function without new': 'Function(body)()',
  'a constructor found on a function': '(() => {}).constructor(body)()',
  'a parameter of new Function': 'new Function("a = (() => { " + body + " })()", "return a")()',
  'Reflect.construct': 'Reflect.construct(Function, [body])()',
  'a class that extends Function': 'new (class extends Function {})(body)()',
  'a generator': 'new (function* () {}).constructor(body)().next()',
  'an async function': 'new (async () => {}).constructor(body)()',
  'an async generator': 'new (async function* () {}).constructor(body)().next()',
  'code that makes code': 'eval("new Function(" + JSON.stringify(body) + ")()")',
}

/** Expressions and their values. Unless noted, they have the same value without siplet. */
const MEANINGS: readonly [code: string, value: unknown][] = [
  [`eval('1; for (let i = 0; i < 3; i++) i')`, 2],
  [`eval('do ; while (false)')`, undefined],
  [`eval(7)`, 7],
  [`eval.name + eval.length`, 'eval1'],
  [`Function.name + Function.length`, 'Function1'],
  [`new Function('a', 'b', 'let s = 0; for (const x of [a, b]) s += x; return s')(3, 4)`, 7],
  [`new Function('a, b = 2', 'while (a < b) a++; return a')(0)`, 2],
  [`new Function('for (;;) break').name`, 'anonymous'],
  [`new Function('for (;;) return typeof anonymous')()`, 'undefined'],
  [`(() => {}) instanceof Function && Function.prototype.constructor === Function`, true],
  [`new Function('for (;;) break') instanceof Function`, true],
  [`Object.getPrototypeOf((async () => {}).constructor) === Function`, true],
  [`new (class Own extends Function { three() { return 3 } })('for (;;) return 4').three()`, 3],
  [`[...new (function* () {}).constructor('for (let i = 0; i < 3; i++) yield i')()].join('')`, '012'],
  [`Reflect.construct(Function, ['for (;;) return 5'])()`, 5],
  [`new Function('"use strict"; for (;;) return this === undefined')()`, true],
  [`new Function('for (;;) return this === globalThis')()`, true],
  [`new Function('x = async function () {}\\n/2; for (let i = 0; i < 2; i++) ; return String(x)')()`, 'NaN'],
  [`eval('if (0) f() = 1; for (let i = 0; i < 3; i++) i')`, 2],
  [`String(eval) + String(Function)`, 'function () { [native code] }function () { [native code] }'],
  [`Object.getPrototypeOf(Object.getPrototypeOf(function* () {}).constructor) === Function`, true],
  [`Object.isFrozen(Object.freeze(eval)) && eval('for (;;) { 6; break }')`, 6],
  // Without siplet: 1.
  [`(() => { const local = 1; return eval('typeof local') })()`, 'undefined'],
]

const ERRORS: readonly [code: string, message: RegExp][] = [
  [`eval('for (')`, /^SyntaxError: Unexpected token/],
  [`new Function('a = (', ') => { for (;;); }')`, /^SyntaxError/],
  [`new Function('}; for (;;); function x() {')`, /^SyntaxError/],
  [`new Function(Symbol('a'))`, /^TypeError: Cannot convert a Symbol/],
  [`eval('for (;;) { throw new RangeError("oh") }')`, /^RangeError: oh/],
  [`eval('for (;;) ' + '['.repeat(1e5))`, /^RangeError: Maximum call stack size exceeded/],
  [`eval('/(/; for (;;);')`, /^SyntaxError: Invalid regular expression/],
]

describe('code that a script creates from a text', () => {
  // Not in `process`: on a busy machine, the process is ended before the loop is.
  for (const isolation of ['inline', 'thread'] as const) {
    for (const [name, way] of Object.entries(WAYS)) {
      it(`a loop of ${name} ends in ${isolation}`, async () => {
        // V8 checks for interrupts too rarely in this loop: it is called while V8 compiles it.
        const body = `const [a, b] = [1, 2].map(() => ['b', 'a'.repeat(12e6), 'c'].join('')); for (;;) a === b`
        const script = handler(`attack() { const body = ${JSON.stringify(body)}; ${way}; return 1 },
          probe() { return 7 }`)
        const limits = { timeoutMs: 300, memoryMb: 128 }
        await withEngine(script, { isolation, limits }, async (engine) => {
          const { error } = await engine.exec('attack', INVITE)
          assert.equal(error?.code, 'ERR_SIPLET_TIMEOUT')
          assert.equal((await engine.exec('probe', INVITE)).code, 7)
        })
      }).timeout(60_000)
    }
  }

  it('behaves as in plain V8', async () => {
    const methods = MEANINGS.map(
      ([code, value], index) => `m${index}() {
        const found = ${code}
        if (!Object.is(found, ${JSON.stringify(value)})) throw new Error('it is ' + String(found))
        return 1
      }`,
    )
    await withEngine(handler(methods.join()), { isolation: 'inline' }, async (engine) => {
      for (const [index, [code]] of MEANINGS.entries()) {
        const { error } = await engine.exec(`m${index}`, INVITE)
        assert.equal(error?.message, undefined, code)
      }
    })
  })

  it('throws the errors of plain V8', async () => {
    const methods = ERRORS.map(([code], index) => `m${index}() { ${code}; return 1 }`)
    await withEngine(handler(methods.join()), { isolation: 'inline' }, async (engine) => {
      for (const [index, [code, message]] of ERRORS.entries()) {
        const { error } = await engine.exec(`m${index}`, INVITE)
        assert.match(error?.message ?? 'nothing was thrown', message, code)
      }
    })
  })

  it('shows no place of our code in a stack', async () => {
    const script = handler(`route() { return new Function('for (;;) null.x')() }`)
    await withEngine(script, { isolation: 'inline' }, async (engine) => {
      const { error } = await engine.exec('route', INVITE)
      assert.match(error!.stack!, /at .*<anonymous>:3:\d+\)?\n {4}at .*route/)
      assert.doesNotMatch(error!.stack!, /siplet:/)
    })
  })

  it('cannot replace the function that its loops call', async () => {
    const script = handler(`
      learn() {
        const attempts = []
        const replaced = () => { throw new Error('replaced') }
        const name = /__siplet_loop\\w+/.exec(new Function('for (;;) break').toString())[0]
        for (const taken of [name, name + '0', name + '1']) {
          for (const attempt of [
            () => { globalThis[taken] = replaced },
            () => { delete globalThis[taken]; globalThis[taken] = replaced },
            () => Object.defineProperty(globalThis, taken, { value: replaced }),
            () => eval('var ' + taken + ' = replaced'),
            () => { globalThis.replaced = replaced; (0, eval)(taken + ' = replaced') },
            () => new Function(taken, 'for (;;) return ' + taken)(replaced),
          ]) try { attempt() } catch {}
          // If the text contains our name, its loops call another function.
          for (const text of ['/* ' + taken + ' */ for (;;) break', 'for (;;) break']) {
            eval(text)
            new Function(taken, text)(replaced)
          }
        }
        return 1
      },
      freeze() {
        Object.preventExtensions(globalThis)
        eval('for (;;) break')
        return new Function('for (;;) return 1')()
      },
      inWith() {
        const names = new Proxy({}, { has: () => true, get: (_, name) => name === 'a' || name === 'b' ? this.text(name) : undefined })
        new Function('names', 'with (names) for (;;) a === b')(names)
      },
      named() {
        const name = /__siplet_loop\\w+/.exec(new Function('for (;;) break').toString())[0]
        new Function(name, 'a', 'b', 'for (;;) a === b')(() => {}, this.text('a'), this.text('b'))
      },
      text(name) { return (this[name] ??= ['b', 'a'.repeat(12e6), 'c'].join('')) }`)
    await withEngine(script, { isolation: 'inline', limits: { timeoutMs: 500 } }, async (engine) => {
      for (const method of ['learn', 'freeze']) {
        const { code, error } = await engine.exec(method, INVITE)
        assert.deepEqual([code, error], [1, null])
      }
      for (const method of ['inWith', 'named']) {
        assert.equal((await engine.exec(method, INVITE)).error?.code, 'ERR_SIPLET_TIMEOUT')
      }
    })
  }).timeout(30_000)
})

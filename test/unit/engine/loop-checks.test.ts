/** Calls that are added to the loops of a script, and the places in stacks, which must not change. */
import assert from 'node:assert/strict'
import { Script } from 'node:vm'
import { INVITE } from '../../../packages/cli/src/bench/invite.ts'
import { columnAsWritten, withLoopChecks } from '../../../packages/engine/src/script/loop-checks.ts'
import { handler, scriptFile, scriptFolder, withEngine } from '../../support/engine.ts'

/** Returns the code with `@` in place of the call. */
function checked(code: string): string {
  const { code: result, checks } = withLoopChecks(code)
  return checks === null ? result : result.replaceAll(`${checks.name}();`, '@')
}

describe('loop checks', () => {
  const cases: Record<string, string> = {
    'for (;;) { x }': 'for (;;) {@ x }',
    'for (;;);': 'for (;;){@;}',
    'for (;;) x': 'for (;;) {@x}',
    'for (const a in b) x; y': 'for (const a in b) {@x;} y',
    'for (const a of b) if (c) x; else y': 'for (const a of b) {@if (c) x; else y}',
    'while (a) while (b) c()': 'while (a) {@while (b) {@c()}}',
    'do x++\nwhile (a) y': 'do {@x++}\nwhile (a) y',
    'do { } while (a)': 'do {@ } while (a)',
    'a: for (;;) { b: for (;;) continue a }': 'a: for (;;) {@ b: for (;;) {@continue a} }',
    'class A { static { for (;;) ; } }': 'class A { static { for (;;) {@;} } }',
    'async function f() { for await (const a of b); }': 'async function f() { for await (const a of b){@;} }',
    'function* f() { while (1) yield }': 'function* f() { while (1) {@yield} }',
    'f(`${() => { for (;;) /}/ }}`)': `f(\`\${() => { for (;;) {@(/}/)} }}\`)`,
    "'for (;;)'; a.for; b = { while: 1 }": "'for (;;)'; a.for; b = { while: 1 }",
  }
  for (const [code, expected] of Object.entries(cases)) {
    it(`are added to ${code.replaceAll('\n', '\\n')}`, () => assert.equal(checked(code), expected))
  }

  const regexps: Record<string, string> = {
    'for (;;) /a/g': 'for (;;) {@(/a/g)}',
    'x = () => {}\n/a/g; for (;;);': 'x = () => {}\n(/a/g); for (;;){@;}',
    'if (a) /}/.y; for (;;);': 'if (a) (/}/).y; for (;;){@;}',
    'function f() {}\n/for/; for (;;);': 'function f() {}\n(/for/); for (;;){@;}',
    'function* f() { yield\n/a/; for (;;); }': 'function* f() { yield\n(/a/); for (;;){@;} }',
  }
  for (const [code, expected] of Object.entries(regexps)) {
    it(`make the regular expression unambiguous in ${code.replaceAll('\n', '\\n')}`, () => {
      assert.equal(checked(code), expected)
      // V8 accepts both.
      new Script(code)
      new Script(withLoopChecks(code).code)
    })
  }

  const operands = [
    'x = async function () {}',
    '0, async function () {}',
    '0 ? 1 : function () {}',
    '0 ? 1 : async function () {}',
    '0 ? 1 : class {}',
    '0\nof',
    'x?.return',
    'x?.of',
  ]
  for (const operand of operands) {
    it(`are added to code that divides ${operand.replace('\n', '\\n')}`, () => {
      assert.equal(
        checked(`${operand}\n/ (() => { for (;;) { } })() /g`),
        `${operand}\n/ (() => { for (;;) {@ } })() /g`,
      )
      assert.equal(checked(`${operand} / 2; for (;;);`), `${operand} / 2; for (;;){@;}`)
    })
  }

  it('are added to code that V8 refuses only when it runs', () =>
    assert.equal(checked('if (0) f() = 1; for (;;);'), 'if (0) f() = 1; for (;;){@;}'))

  it('are found in linear time in named groups, and in slashes that divide', () => {
    // In quadratic time, each would take minutes.
    const groups = `/${Array(200_000).fill('(?<a>)').join('|')}/`
    assert.equal(checked(`${groups}; for (;;);`), `(${groups}); for (;;){@;}`)
    const slashes = `${'x = async function () {}\n/ [];'.repeat(100_000)} /[/]/`
    assert.equal(checked(`${slashes}; for (;;);`), `${slashes.slice(0, -5)}(/[/]/); for (;;){@;}`)
  }).timeout(60_000)

  it('call a name that the script does not use, in any spelling', () => {
    const { checks } = withLoopChecks(
      'let __siplet_loop0, __siplet_l\\u006fop1, a = "__siplet_loop2"; for (;;);',
    )
    assert.equal(checks?.name, '__siplet_loop3')
  })

  it('change no place except its column', () => {
    const code = 'for (;;) for (;;) { a\n;while (1)\r\n b(); c }\u2028 do d; while (1); e'
    const { code: result, checks } = withLoopChecks(code)
    const lines = (text: string) => text.split(/\r\n|[\n\r\u2028\u2029]/)
    for (const [number, line] of lines(result).entries()) {
      for (const { index, 0: letter } of line.matchAll(/\b[a-e]\b/g)) {
        const written = columnAsWritten(checks!, number, index)
        assert.equal(lines(code)[number]![written], letter)
      }
    }
  })

  it('do not change stacks or their columns', () => {
    const script = handler('throws() { for (;;) for (const a of [1]) { if (a) throw new Error("x") } }')
    return withEngine(script, { isolation: 'inline' }, async (engine) => {
      const { error } = await engine.exec('throws', INVITE)
      assert.match(error!.stack!, new RegExp(`script\\.js:1:${script.indexOf('new Error') + 1}\\)$`, 'm'))
      assert.doesNotMatch(error!.stack!, /siplet_loop/)
    })
  })

  it('do not change stacks of bundled TypeScript', () => {
    const { write } = scriptFolder()
    const thrower =
      'export function thrower(a: number): number { while (a) for (;;) { a--; throw new Error("y") } return a }'
    write('thrower.ts', thrower)
    const line =
      'export function mod_init() { return { child_init() { return 0 }, throws() { do { thrower(1) } while (true) } } }'
    const scriptName = write('main.ts', `import { thrower } from './thrower.ts'\n${line}`)
    return withEngine('', { isolation: 'inline', scriptName }, async (engine) => {
      const { error } = await engine.exec('throws', INVITE)
      assert.match(error!.stack!, new RegExp(`thrower\\.ts:1:${thrower.indexOf('new Error') + 1}\\)`))
      assert.match(error!.stack!, new RegExp(`main\\.ts:2:${line.indexOf('thrower(') + 1}\\)`))
    })
  })

  it('cannot be removed by the script', () =>
    withEngine(
      `${handler(`replace() {
        'use strict'
        const name = Object.getOwnPropertyNames(globalThis).find((name) => name.startsWith('__siplet' + '_loop'))
        for (const attempt of [
          () => { globalThis[name] = () => {} },
          () => { delete globalThis[name] },
          () => Object.defineProperty(globalThis, name, { value() {} }),
        ]) {
          try { attempt(); return 1 } catch {}
        }
        return 2
      }`)}`,
      { isolation: 'inline' },
      async (engine) => assert.equal((await engine.exec('replace', INVITE)).code, 2),
    ))

  it('are added to scripts that are large or deeply nested', async () => {
    const sum = `${'1+'.repeat(20_000)}1`
    const scriptName = scriptFile(`${handler('fine() { for (;;) return value }')}\nconst value = ${sum}`)
    await withEngine('', { isolation: 'inline', scriptName }, async (engine) =>
      assert.equal((await engine.exec('fine', INVITE)).code, 20_001),
    )
    const table = `${handler('fine() { for (;;) return table.length }')}\nconst table = [${'7,'.repeat(200_000)}]`
    await withEngine(table, { isolation: 'inline' }, async (engine) =>
      assert.equal((await engine.exec('fine', INVITE)).code, 200_000),
    )
  }).timeout(60_000)
})

/**
 * Upper bounds on the cost of loading hostile scripts, and of reading their output. These cases once took minutes, or
 * ended the host.
 */
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createEngine, SipletError } from '@siplet/engine'
import {
  handler,
  ISOLATIONS,
  keepingLogger,
  scriptFile,
  scriptFolder,
  withEngine,
} from '../../support/engine.ts'
import { INVITE } from '../../support/messages.ts'

const EXPORTED = 'export function mod_init() { return { child_init: () => 0, probe: () => 7 } }'

/** Returns the error that ends the load of a script. Its other files are given by name. */
async function refusal(
  source: string,
  files: Record<string, string> = {},
  name = 's.js',
): Promise<SipletError> {
  const { write } = scriptFolder()
  for (const [file, text] of Object.entries(files)) write(file, text)
  const error = await createEngine({ scriptName: write(name, source), logger: keepingLogger() }).then(
    (engine) => engine.close(),
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof SipletError, String(error))
  return error
}

async function loads(source: string): Promise<void> {
  await withEngine(source, { scriptName: scriptFile(source) }, async (engine) => {
    assert.equal((await engine.exec('probe', INVITE)).code, 7)
  })
}

describe('the cost of loading a script', () => {
  it('an import with a specifier of megabytes is refused with a short message', async () => {
    for (const name of [
      `./${'a'.repeat(3e6)}`,
      `./${'a/../'.repeat(600_000)}b`,
      'p/'.repeat(1e6),
      `#${'a'.repeat(3e6)}`,
    ]) {
      const { code, message } = await refusal(`import ${JSON.stringify(name)}; ${EXPORTED}`)
      assert.equal(code, 'ERR_SIPLET_SCRIPT_IMPORT')
      assert.match(message, /it is longer than 4096 characters/)
      assert.ok(message.length < 1_000, String(message.length))
    }
  })

  it('the specifier of an import cannot start a line in an error message', async () => {
    const { message } = await refusal(`import 'x\\nFATAL: forged'; ${EXPORTED}`)
    assert.doesNotMatch(message, /^FATAL/m)
    assert.match(message, /"x\\nFATAL: forged" cannot be imported/)
  })

  it('asterisks in package.json cannot grow a path without bound', async () => {
    for (const stars of [100, 500_000, 5_000_000]) {
      const manifest = JSON.stringify({ name: 'p', imports: { '#*': `./${'*'.repeat(stars)}` } })
      const { code, message } = await refusal(`import '#${'a'.repeat(100)}'; ${EXPORTED}`, {
        'package.json': manifest,
      })
      assert.equal(code, 'ERR_SIPLET_SCRIPT_IMPORT')
      assert.match(message, /no package.json around it defines it|larger than 1 MiB/)
    }
  })

  it('an error names a package.json that is nested too deeply', async () => {
    const manifest = `{"name":"p","exports":${'['.repeat(1e5)}"./x.js"${']'.repeat(1e5)}}`
    const { code, message } = await refusal(`import 'p'; ${EXPORTED}`, { 'package.json': manifest })
    assert.equal(code, 'ERR_SIPLET_SCRIPT_IMPORT')
    assert.doesNotMatch(message, /node_modules|main\.js/)
  })

  it('the interpreter handles names of Python modules with hundreds of parts', async () => {
    const imports = Array.from({ length: 2_000 }, (_, i) => `import ${'a.'.repeat(400)}x${i}`).join('\n')
    const { code } = await refusal(`${imports}\ndef mod_init():\n  return 1\n`, {}, 's.py')
    assert.equal(code, 'ERR_SIPLET_SCRIPT_LOAD')
  })

  it('a scope with 200,000 names, and 50,000 names like our own, load', async () => {
    const names = Array.from({ length: 200_000 }, (_, i) => `_${i.toString(36)}`)
    await loads(`for (; 0; ); function f() { let ${names.join()} } ${handler('probe: () => 7')}`)
    const ours = Array.from({ length: 50_000 }, (_, i) => `__siplet_loop${i}`)
    await loads(`for (; 0; ); "${ours.join(' ')}"; ${handler('probe: () => 7')}`)
  }).timeout(60_000)

  it('a script that ends esbuild is tried once, if no other script was being loaded', async () => {
    const { write } = scriptFolder()
    const scriptName = write('s.js', `var deep = ${'['.repeat(2_000_000)}; ${EXPORTED}`)
    let started = 0
    const count = () => started++
    subscribe('child_process', count)
    try {
      await assert.rejects(createEngine({ scriptName, isolation: 'inline' }), {
        code: 'ERR_SIPLET_SCRIPT_SYNTAX',
      })
      await assert.rejects(createEngine({ scriptName, isolation: 'inline' }), {
        code: 'ERR_SIPLET_SCRIPT_SYNTAX',
      })
    } finally {
      unsubscribe('child_process', count)
    }
    assert.ok(started <= 2, `esbuild was started ${started} times`)
  }).timeout(120_000)

  it('a script that ends esbuild does not fail the load of another script', async () => {
    const hostile = `"use strict"; ${'a();'.repeat(1.7e6)} ${EXPORTED}`
    let ended = false
    const refused = refusal(hostile).finally(() => {
      ended = true
    })
    while (!ended) await loads(EXPORTED)
    assert.equal((await refused).code, 'ERR_SIPLET_SCRIPT_SYNTAX')
  }).timeout(120_000)
})

describe('the cost of reading results of a script', () => {
  it('is small for log lines of line breaks only, and of places only', async () => {
    const script = handler(`
      breaks() { for (let i = 0; i < 100; i++) console.log('\\n'.repeat(60_000)); return 1 },
      places() { for (let i = 0; i < 100; i++) console.log('x\\n at ' + 'a:1'.repeat(20_000) + ' '); return 1 },
      stack() { const e = new Error('x'); e.stack = 'x\\n' + ' at a:1:'.repeat(1_000); throw e }`)
    await withEngine(script, { isolation: 'inline', limits: { timeoutMs: 10_000 } }, async (engine) => {
      assert.equal((await engine.exec('breaks', INVITE)).code, 1)
      assert.equal((await engine.exec('places', INVITE)).code, 1)
      assert.equal((await engine.exec('stack', INVITE)).error?.code, 'ERR_SIPLET_SCRIPT')
    })
  })

  for (const isolation of ISOLATIONS) {
    it(`if a function leaves a far too large message, only that call fails, in ${isolation}`, async () => {
      const script = handler(
        `header(msg) { return msg.call_function('header') }, hop(msg) { return msg.call_function('hop') }, probe: () => 7`,
      )
      const functions = {
        header(message: { setHeader(name: string, value: string): void }) {
          message.setHeader('X', '"'.repeat(5e7))
          return 1
        },
        hop(message: { dstUri: string | null }) {
          message.dstUri = `sip:${'a'.repeat(5e7)}@x`
          return 1
        },
      }
      const limits = { timeoutMs: 20_000, callFunctionTimeoutMs: 20_000 }
      await withEngine(script, { isolation, functions: functions as never, limits }, async (engine) => {
        for (const name of Object.keys(functions)) {
          const { error } = await engine.exec(name, INVITE)
          assert.match(error!.message, /left a dstUri or edits longer than limits.maxResultBytes \(262144\)/)
          assert.equal((await engine.exec('probe', INVITE)).code, 7)
        }
      })
    }).timeout(60_000)
  }
})

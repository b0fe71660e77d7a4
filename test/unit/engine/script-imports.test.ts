/** What a script may and may not import, and the places of errors in it. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { createEngine, scriptSources } from '@siplet/engine'
import { runScript } from '@siplet/engine/testing'
import { keepingLogger } from '../../support/engine.ts'
import { INVITE } from '../../support/messages.ts'

describe('a script of several files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'siplet-imports-'))
  after(() => rmSync(folder, { recursive: true }))

  /** Writes the files and returns the path of the first. */
  function project(files: Record<string, string>): string {
    const root = mkdtempSync(join(folder, 'project-'))
    for (const [name, source] of Object.entries(files)) {
      mkdirSync(dirname(join(root, name)), { recursive: true })
      writeFileSync(join(root, name), source)
    }
    return join(root, Object.keys(files)[0]!)
  }

  const main = (imports: string, value: string) =>
    `${imports}\nexport const mod_init = () => ({ child_init: () => 0, request_route: () => ${value} })`

  it('imports TypeScript and JavaScript next to it, with and without extension', async () => {
    const script = project({
      'handler.ts': main("import { one } from './lib/one.ts'\nimport { two } from './two'", 'one + two'),
      'lib/one.ts': 'export const one: number = 1',
      'two.js': 'export const two = 2',
    })
    assert.equal((await runScript(script, INVITE)).code, 3)
  })

  for (const [title, line, value] of [
    ['as a whole', "import routes from './routes.json'", "routes['+49']"],
    ['with an import attribute', "import routes from './routes.json' with { type: 'json' }", "routes['+49']"],
    ['by name', "import { limit } from './routes.json'", 'limit'],
  ] as const) {
    it(`imports JSON ${title}`, async () => {
      const script = project({ 'handler.ts': main(line, value), 'routes.json': '{ "+49": 7, "limit": 7 }' })
      assert.equal((await runScript(script, INVITE)).code, 7)
    })
  }

  it('may define its functions as globals, even if it uses eval', async () => {
    const source = 'function mod_init() { return { child_init: () => 0, request_route: () => eval("3") } }'
    for (const name of ['handler.js', 'handler.ts'])
      assert.equal((await runScript(project({ [name]: source }), INVITE)).code, 3)
  })

  it('imports npm packages, of both module systems', async () => {
    const script = project({
      'handler.mjs': main("import esm from 'esm'\nimport cjs from 'cjs'", 'esm + cjs'),
      'node_modules/esm/package.json': '{ "name": "esm", "exports": "./m.js", "type": "module" }',
      'node_modules/esm/m.js': 'export default 20',
      'node_modules/cjs/package.json': '{ "name": "cjs", "main": "c.js" }',
      'node_modules/cjs/c.js': 'module.exports = 3',
    })
    assert.equal((await runScript(script, INVITE)).code, 23)
  })

  for (const [title, source, place] of [
    ['import', "const x = 1\nimport { readFileSync } from 'fs'\nexport { readFileSync }", ':2:30'],
    ['import with node:', "import net from 'node:net'\nexport { net }", ':1:17'],
    ['import of a part', "import { setTimeout } from 'timers/promises'\nexport { setTimeout }", ':1:28'],
    ['require', "exports.mod_init = () =>\n  require('child_process')", ':2:11'],
    ['import()', "export const load = () => import('node:fs')", ':1:34'],
    ['native add-on', "import x from './x.node'\nexport { x }", ':1:15'],
  ] as const) {
    it(`cannot get a Node built-in by ${title}; the error names import, file and line`, async () => {
      const script = project({ 'handler.js': source })
      await assert.rejects(createEngine({ scriptName: script }), (error: Error & { code: string }) => {
        assert.equal(error.code, 'ERR_SIPLET_SCRIPT_IMPORT')
        assert.ok(error.message.includes(`${relative('', script)}${place}: "`), error.message)
        assert.match(
          error.message,
          /cannot be imported: an isolate has no host modules.*call_function with a function that the embedder provides\n +\d+ │ /,
        )
        return true
      })
    })
  }

  it('gets an error that names the package that imports a Node built-in', async () => {
    const script = project({
      'handler.ts': main("import dns from 'resolver'", 'dns ? 1 : 0'),
      'node_modules/resolver/index.js': "// DNS\nmodule.exports = require('dns')",
    })
    await assert.rejects(createEngine({ scriptName: script }), {
      code: 'ERR_SIPLET_SCRIPT_IMPORT',
      message: /resolver\/index\.js:2:26: "dns" cannot be imported/,
    })
  })

  for (const [title, files, message] of [
    [
      'an imported file',
      {
        'handler.ts': "export * from './broken.ts'",
        'broken.ts': 'export const x = 1\nexport const y = = 2\n',
      },
      /broken\.ts:2:18: Unexpected "="\n +2 │ export const y = = 2\n +╵ +\^$/,
    ],
    [
      'imported JSON',
      { 'handler.ts': "import x from './x.json'\nexport { x }", 'x.json': '{\n  "a": 1,,\n}' },
      /x\.json:2:10: .*\n +2 │ +"a": 1,,/,
    ],
  ] as const) {
    it(`with a syntax error in ${title} gets its place and a code frame`, async () => {
      const scriptName = project(files as unknown as Record<string, string>)
      await assert.rejects(createEngine({ scriptName }), { code: 'ERR_SIPLET_SCRIPT_SYNTAX', message })
    })
  }

  it('logs errors with places of the script as written', async () => {
    const source = `interface Nothing {}

      export const mod_init = () => ({
        child_init(rank: number): number { LM_ERR(new Error('at the start')); return 0 },
        request_route(): number { console.error(new Error('on a call')); return 1 },
      })`
    const scriptName = project({ 'handler.ts': source })
    const logger = keepingLogger()
    const { logs } = await runScript(scriptName, INVITE, { logger })
    assert.ok(logs[0]!.text.includes(`(${scriptName}:5:49)`), logs[0]!.text)
    const [start, call] = logger.records.map(({ message }) => message)
    assert.ok(start!.includes(`(${scriptName}:4:51)`), start!)
    assert.ok(call!.includes(`(${scriptName}:5:49)`), call!)
  })

  it('lists its files for watching, even while it is broken', async () => {
    const script = project({
      'handler.ts': "import './lib/a.ts'\nimport x from './x.json'\nexport { x }",
      'lib/a.ts': 'const = 1',
      'x.json': '{}',
      'unused.ts': '',
    })
    const root = dirname(script)
    const expected = ['handler.ts', 'lib/a.ts', 'x.json'].map((name) => join(root, name))
    assert.deepEqual((await scriptSources(script)).sort(), expected)
    const nowhere = join(root, 'nowhere.ts')
    assert.deepEqual(await scriptSources(nowhere), [nowhere])
  })
})

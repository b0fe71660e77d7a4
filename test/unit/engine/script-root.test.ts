/** A script reads only files below its root, whatever its imports, packages and links say. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createEngine, scriptSources } from '@siplet/engine'
import { runScript } from '@siplet/engine/testing'
import { INVITE } from '../../support/messages.ts'

const SECRET = 'q7-secret-of-the-host'

describe('the root of a script', () => {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'siplet-root-')))
  after(() => rmSync(base, { recursive: true }))

  interface Project {
    /** The folder around the root. */
    outer: string
    root: string
    script: string
  }

  /**
   * Writes files below `outer/root`. Names that begin with `../` are outside of the root. The first file is the script.
   */
  function project(files: Record<string, string>): Project {
    const outer = mkdtempSync(join(base, 'p-'))
    const root = join(outer, 'root')
    mkdirSync(root)
    const all: Record<string, string> = {
      ...files,
      '../secret.json': `{ "secret": "${SECRET}" }`,
      '../secret.txt': SECRET,
      '../secret.js': `export default "${SECRET}"`,
      '../secret.py': `secret = "${SECRET}"`,
      '../broken': `${SECRET}:x:0:0:`,
    }
    for (const [name, text] of Object.entries(all)) {
      mkdirSync(dirname(join(root, name)), { recursive: true })
      writeFileSync(join(root, name), text.replaceAll('OUTER', outer))
    }
    return { outer, root, script: join(root, Object.keys(files)[0]!) }
  }

  const main = (imports: string, value = '1') =>
    `${imports}\nexport const mod_init = () => ({ child_init: () => 0, request_route: () => ${value} })`

  async function refused(
    scriptName: string,
    expected: { code?: string; place?: string; reason?: RegExp; scriptRoot?: string } = {},
  ): Promise<void> {
    const {
      code = 'ERR_SIPLET_SCRIPT_IMPORT',
      place = '',
      reason = /cannot be imported/,
      scriptRoot,
    } = expected
    await assert.rejects(createEngine({ scriptName, ...(scriptRoot && { scriptRoot }) }), (error: Error) => {
      assert.equal(Reflect.get(error, 'code'), code, error.message)
      assert.ok(error.message.includes(place), error.message)
      assert.match(error.message, reason)
      assert.ok(!error.message.includes(SECRET), error.message)
      return true
    })
  }

  const OUTSIDE =
    /cannot be imported: it is outside of the script root .*; move it there, or widen the root \(scriptRoot, --script-root\)/

  for (const line of [
    "import s from '../secret.json'",
    "import s from '../secret.json' with { type: 'json' }",
    "import s from '../secret.txt' with { type: 'text' }",
    "import s from '../secret.txt' with { type: 'bytes' }",
    "import s from '../secret.txt'",
    "import s from '../secret'",
    "import s from '../broken'",
    "import s from 'OUTER/secret.json'",
    "import s from 'OUTER/root/../secret.json'",
    "import s from 'file://OUTER/secret.json'",
    "import s from './lib/../../secret.json'",
    "import s from './././/..//secret.json'",
    "import s from '..'",
    "import s from '/proc/self/environ' with { type: 'text' }",
    "import s from '/etc/passwd' with { type: 'text' }",
    "import s from '/dev/zero' with { type: 'bytes' }",
    "import s from '/etc/there-is-no-such-file' with { type: 'text' }",
    "export * from '../secret.js'",
    "const s = require('../secret.json')",
    "const s = require('OUTER/secret.json')",
    "const s = import('../secret.js')",
    'const s = import(`../secret.js`)',
    `import s from '../${'x/'.repeat(2_000)}y.js'`,
  ]) {
    it(`refuses ${line.slice(0, 80)}`, async () => {
      const { script } = project({
        'handler.ts': main(`const before = 1\n${line}\nvoid before; typeof s`),
        'lib/x.ts': '',
      })
      await refused(script, { place: 'handler.ts:2:', reason: OUTSIDE })
    })
  }

  for (const line of [
    "const n = 'ecret'; const s = require('../s' + n + '.json')",
    "const n = 'ecret'; const s = import('../s' + n + '.json')",
    `const n = 1; const s = import(\`../\${n}.json\`)`,
    `const n = 1; const s = require(\`./\${n}/../../secret.json\`)`,
    "const n = 1; const s = require(('./' as string) + n)",
    "const n = 1; const s = require(/* a */ n ? '../a' + n : './b')",
    "const n = 1; const s = \\u0072equire('../' + n)",
    "const n = 1; const s = [...import('../' + n)]",
    "const n = 1; const s = require?.('../' + n)",
    "enum E { up = '../' }; const n = 1; const s = require(E.up + n)",
  ]) {
    it(`refuses a computed path: ${line}`, async () => {
      const { script } = project({ 'handler.ts': main(`const before = 1\n${line}`) })
      await refused(script, {
        place: 'handler.ts:2:',
        reason: /its path is computed; import each file by its name/,
      })
    })
  }

  for (const [line, reason] of [
    ["import 'http://127.0.0.1/x.js'", /only files can be imported/],
    ["import 'https://example.com/x.js'", /only files can be imported/],
    ["import 'data:text/javascript,export default 1'", /only files can be imported/],
    ["import './x.css'", /a file with the extension \.css has no meaning here/],
    ["import './x.wasm'", /a file with the extension \.wasm/],
    ["import x from './x.txt' with { type: 'file' }; void x", /the type "file"/],
    ["import x from './x.txt' with { type: '__proto__' }; void x", /the type "__proto__"/],
    ["import x from './x.txt' with { loader: 'text' }; void x", /the import attribute "loader"/],
    ["import 'pkg/../../secret.js'", /not the name of a package/],
    ["import 'pkg/node_modules/x'", /not the name of a package/],
    ["import '.hidden/x.js'", /not the name of a package/],
    ["import '@scope/..'", /not the name of a package/],
    ["import 'pkg\\\\..\\\\x'", /not the name of a package/],
    ["import './x\\0.js'", /NUL/],
    ["import './loop.js'", /too many symbolic links/],
    ["import './fifo.js'", /not a regular file/],
    ["import './socket.js'", /not a regular file/],
    ["import './folder.js'", /there is no such file/],
    ["import './big.txt'", /larger than 8 MiB/],
    ["import '#secret'", /leads out of its folder/],
    ["import '#other'", /no package.json around it defines it/],
    ["import 'leading-out'", /leads out of its folder/],
    ["import 'absolute'", /leads out of its folder/],
    ["import 'main-out'", OUTSIDE],
    ["import 'linked'", OUTSIDE],
    ["import './link.json'", OUTSIDE],
    ["import './dangling.json'", OUTSIDE],
    ["import './relative-link.json'", OUTSIDE],
    ["import './up/secret.json'", OUTSIDE],
    ["import './etc/passwd'", OUTSIDE],
    ["import './manifest'", /package\.json cannot be used: it is outside/],
    ["import './manifest-fifo'", /package\.json cannot be used: it is not a regular file/],
    ["import '@alias/secret'", /no such package/],
    ["import 'mapped'", /no such package/],
    ["import 'secret'", /no such package/],
  ] as const) {
    it(`refuses ${line}`, async () => {
      const { script, root, outer } = project({
        'handler.ts': main(line),
        'x.css': '',
        'x.wasm': '',
        'x.txt': '',
        'folder.js/x': '',
        'big.txt': 'x'.repeat(8 * 1024 * 1024 + 1),
        'package.json': '{ "imports": { "#secret": "./../secret.js" } }',
        'node_modules/pkg/index.js': '',
        'node_modules/leading-out/package.json': '{ "exports": "./../../../secret.js" }',
        'node_modules/absolute/package.json': '{ "exports": { "default": "OUTER/secret.js" } }',
        'node_modules/main-out/package.json': '{ "main": "../../../secret.js" }',
        'manifest/index.js': '',
        'manifest-fifo/index.js': '',
        'tsconfig.json':
          '{ "compilerOptions": { "baseUrl": "..", "paths": { "@alias/*": ["../*"], "mapped": ["OUTER/secret.js"] } } }',
        '../tsconfig.json': '{ "extends": "OUTER/broken", "compilerOptions": { "baseUrl": "." } }',
        '.pnp.cjs': 'throw new Error("run")',
      })
      symlinkSync('loop.js', join(root, 'loop.js'))
      symlinkSync(join(outer, 'secret.json'), join(root, 'link.json'))
      symlinkSync(join(outer, 'there-is-no-such-file'), join(root, 'dangling.json'))
      symlinkSync('folder.js/../../secret.json', join(root, 'relative-link.json'))
      symlinkSync('..', join(root, 'up'))
      symlinkSync('/etc', join(root, 'etc'))
      symlinkSync(outer, join(root, 'node_modules/linked'))
      symlinkSync(join(outer, 'broken'), join(root, 'manifest/package.json'))
      execFileSync('mkfifo', [join(root, 'fifo.js'), join(root, 'manifest-fifo/package.json')])
      const server = createServer().listen(join(root, 'socket.js'))
      try {
        await refused(script, { place: 'handler.ts:1:', reason })
      } finally {
        server.close()
      }
    })
  }

  for (const [title, source] of [
    ['a path', '//# sourceMappingURL=../broken'],
    ['an absolute path', '//# sourceMappingURL=OUTER/broken'],
    ['a file URL', '//# sourceMappingURL=file://OUTER/broken'],
    ['another form of comment', '/*# sourceMappingURL=OUTER/broken */'],
    [
      'a map of foreign sources',
      '//# sourceMappingURL=data:application/json,{"version":3,"sources":["OUTER/secret.txt"],"mappings":"AAAA"}',
    ],
  ] as const) {
    it(`does not follow a source map comment: ${title}`, async () => {
      const { script } = project({
        'handler.ts': `${main('', "(() => { throw new Error('here') })()")}\n${source}`,
      })
      const { error } = await runScript(script, INVITE)
      assert.equal(error!.message, 'Error: here')
      assert.match(error!.stack!, /root\/handler\.ts:2:/)
      assert.doesNotMatch(error!.stack!, /secret/)
    })
  }

  it('does not read tsconfig.json, NODE_PATH and .pnp.cjs', async () => {
    const { script, outer } = project({
      'handler.ts': main("import x from './x.ts'", 'x'),
      'x.ts': 'export default 5',
      'tsconfig.json': '{ "extends": "OUTER/broken", broken',
      '.pnp.cjs': 'throw new Error("run")',
      '../jsconfig.json': '{ broken',
    })
    process.env.NODE_PATH = outer
    try {
      assert.equal((await runScript(script, INVITE)).code, 5)
      const other = project({ 'handler.js': main("import s from 'secret'", 's') })
      await refused(other.script)
    } finally {
      delete process.env.NODE_PATH
    }
  })

  it('can be widened, also by its OpenSIPS-style name', async () => {
    const { script, outer } = project({
      'handler.ts': main("import s from '../secret.json'", 's.secret.length'),
    })
    assert.equal((await runScript(script, INVITE, { scriptRoot: outer })).code, SECRET.length)
    const options = { script_name: script, script_root: outer } as unknown as { scriptName: string }
    await using engine = await createEngine(options)
    assert.equal((await engine.exec('request_route', INVITE)).code, SECRET.length)
  })

  it('must be a folder that contains the script', async () => {
    const { script, outer } = project({ 'handler.ts': main('') })
    mkdirSync(join(outer, 'other'))
    const code = 'ERR_SIPLET_SCRIPT_NOT_FOUND'
    await refused(script, { code, scriptRoot: join(outer, 'other'), reason: /is outside of the script root/ })
    for (const name of ['nowhere', 'secret.txt']) {
      const scriptRoot = join(outer, name)
      await refused(script, {
        code: 'ERR_SIPLET_CONFIG',
        scriptRoot,
        reason: /scriptRoot .*: there is no such folder/,
      })
    }
  })

  it('is compared by its real path, so a link to its folder may be named', async () => {
    const { script, outer, root } = project({
      'handler.ts': main("import x from './x.json'", 'x'),
      'x.json': '4',
    })
    symlinkSync(root, join(outer, 'current'))
    const linked = join(outer, 'current/handler.ts')
    assert.equal((await runScript(linked, INVITE)).code, 4)
    assert.equal((await runScript(linked, INVITE, { scriptRoot: root })).code, 4)
    assert.equal((await runScript(script, INVITE, { scriptRoot: join(outer, 'current') })).code, 4)
  })

  it('may contain links, as Kubernetes volumes do', async () => {
    const { root } = project({ '..v1/handler.ts': main("import x from './x.json'", 'x'), '..v1/x.json': '6' })
    symlinkSync('..v1', join(root, '..data'))
    symlinkSync('..data/handler.ts', join(root, 'handler.ts'))
    assert.equal((await runScript(join(root, 'handler.ts'), INVITE)).code, 6)
  })

  for (const [title, make, reason] of [
    [
      'a link out of its folder',
      (path: string, outer: string) => symlinkSync(join(outer, 'secret.js'), path),
      /outside of/,
    ],
    ['a link to a device', (path: string) => symlinkSync('/dev/stdin', path), /outside of/],
    ['a FIFO', (path: string) => execFileSync('mkfifo', [path]), /not a regular file/],
    ['a folder', (path: string) => mkdirSync(path), /it is a folder/],
    [
      'too large',
      (path: string) => writeFileSync(path, ' '.repeat(8 * 1024 * 1024 + 1)),
      /larger than 8 MiB/,
    ],
  ] as const) {
    for (const extension of ['js', 'ts', 'py']) {
      it(`refuses a .${extension} script that is ${title}`, async () => {
        const { root, outer } = project({ 'x.ts': '' })
        const script = join(root, `handler.${extension}`)
        make(script, outer)
        await refused(script, { code: 'ERR_SIPLET_SCRIPT_NOT_FOUND', reason })
        assert.deepEqual(await scriptSources(script), [script])
      })
    }
  }

  it('limits the files of a script, in number and in total', async function () {
    this.timeout(120_000)
    const names = Array.from({ length: 4_200 }, (_, i) => `./f${i}.txt`)
    const many = project({
      'handler.js': main(names.map((name) => `import '${name}'`).join('\n')),
      ...Object.fromEntries(names.map((name) => [name, ''])),
    })
    await refused(many.script, { reason: /more than 4096 files/ })
    const large = ['a', 'b', 'c', 'd', 'e'].map((name) => `./${name}.txt`)
    const heavy = project({
      'handler.js': main(large.map((name) => `import '${name}'`).join('\n')),
      ...Object.fromEntries(large.map((name) => [name, 'x'.repeat(7 * 1024 * 1024)])),
    })
    await refused(heavy.script, { reason: /larger than 32 MiB/ })
  })

  it('allows imports of text, JSON and bytes below it', async () => {
    const { script } = project({
      'handler.ts': main(
        "import t from './a.txt'\nimport u from './a.cfg' with { type: 'text' }\nimport b from './a.cfg' with { type: 'bytes' }\nimport j from './a.cfg' with { type: 'json' }",
        't.length * 1000 + u.length * 100 + b[0] * 10 / 49 + j',
      ),
      'a.txt': 'abc',
      'a.cfg': '1 ',
    })
    assert.equal((await runScript(script, INVITE)).code, 3_211)
  })

  describe('and packages', () => {
    it('are found above it up to the nearest package.json, by name only', async () => {
      const files = {
        'handler.ts': main("import dep from 'dep'", 'dep'),
        '../package.json': '{ "name": "project" }',
        '../node_modules/.store/dep@1/node_modules/dep/package.json':
          '{ "name": "dep", "exports": { ".": { "types": "./x.d.ts", "import": "./i.mjs" }, "./sub/*": "./lib/*.js" } }',
        '../node_modules/.store/dep@1/node_modules/dep/i.mjs':
          "import peer from 'peer'\nimport own from './own.js'\nimport s from 'dep/sub/s'\nexport default peer + own + s",
        '../node_modules/.store/dep@1/node_modules/dep/own.js': 'export default 10',
        '../node_modules/.store/dep@1/node_modules/dep/lib/s.js': 'module.exports = 100',
        '../node_modules/.store/peer@1/node_modules/peer/index.js': 'module.exports = 1',
      }
      const { script, outer } = project(files)
      const store = join(outer, 'node_modules/.store')
      symlinkSync('../../peer@1/node_modules/peer', join(store, 'dep@1/node_modules/peer'))
      symlinkSync('.store/dep@1/node_modules/dep', join(outer, 'node_modules/dep'))
      assert.equal((await runScript(script, INVITE)).code, 111)
      writeFileSync(script, main("import dep from '../node_modules/dep/own.js'", 'dep'))
      await refused(script, { reason: OUTSIDE })
      writeFileSync(
        join(store, 'dep@1/node_modules/dep/i.mjs'),
        "export { default } from '../../../../../secret.js'",
      )
      writeFileSync(script, main("import dep from 'dep'", 'dep'))
      await refused(script, { place: 'i.mjs:1:', reason: /is outside of/ })
    })

    it('are not looked for above the package that owns the script', async () => {
      const { script } = project({
        'handler.ts': main("import dep from 'dep'", 'dep'),
        'package.json': '{}',
        '../node_modules/dep/index.js': 'module.exports = 1',
      })
      await refused(script, { reason: /there is no such package in node_modules of/ })
    })

    it('may declare internal imports, conditions and no side effects', async () => {
      const { script } = project({
        'handler.ts': main("import a from '#a'\nimport b from '#b/x'\nimport 'pure'", 'a + b'),
        'package.json':
          '{ "imports": { "#a": { "node": "./no.js", "default": "./a.ts" }, "#b/*": "./b/*.ts" } }',
        'a.ts': 'export default 1',
        'b/x.ts': 'export default 2',
        'node_modules/pure/package.json': '{ "sideEffects": false }',
        'node_modules/pure/index.js': 'throw new Error("not pure")',
      })
      assert.equal((await runScript(script, INVITE)).code, 3)
    })
  })

  describe('in Python', () => {
    const handler = (line: string) =>
      `before = 1\n${line}\nclass H:\n    def child_init(self, rank):\n        return 0\n    def request_route(self, msg):\n        return 1\ndef mod_init():\n    return H()\n`

    for (const [line, name] of [
      ['from ...........tmp.secret import X', '...........tmp.secret'],
      ['from ..secret import X', '..secret'],
      ['from .. import secret', '..'],
      ['from . . secret import X', '..secret'],
      ['from..secret import X', '..secret'],
      ['try: from ..secret import X\nexcept: pass', '..secret'],
      ['if before: import linked', 'linked'],
      ['import before, linked', 'linked'],
      ['from linked import (X,\n  Y)', 'linked'],
      ['import package.linked', 'package.linked'],
      ['import up.secret', 'up.secret'],
      ['import fifo', 'fifo'],
      ['import big', 'big'],
      ['from \\\n  ..secret \\\n  import X', '..secret'],
    ] as const) {
      it(`refuses ${JSON.stringify(line)}`, async () => {
        const { script, root, outer } = project({
          'handler.py': handler(line),
          'package/__init__.py': '',
          'big.py': '#'.repeat(8 * 1024 * 1024 + 1),
        })
        symlinkSync(join(outer, 'secret.py'), join(root, 'linked.py'))
        symlinkSync('../../secret.py', join(root, 'package/linked.py'))
        symlinkSync('..', join(root, 'up'))
        execFileSync('mkfifo', [join(root, 'fifo.py')])
        await refused(script, { place: `handler.py:2: "${name}" cannot be imported` })
      })
    }

    it('does not take texts and comments for imports', async () => {
      const { script } = project({
        'handler.py': handler(
          '"""\nfrom ..secret import X\n"""\n# from ..secret import X\nx = "\\\nfrom ..secret import X"',
        ),
      })
      assert.equal((await runScript(script, INVITE)).code, 1)
    })

    it('is loaded quickly, whatever its text is', async () => {
      for (const line of [
        `from ${'.'.repeat(2_000_000)}`,
        `x = '${"\\'".repeat(1_000_000)}`,
        `from ${' .'.repeat(1_000_000)} import x`,
        `import ${'a.'.repeat(1_000_000)}b`,
        'from a import (\n'.repeat(100_000),
      ]) {
        const { script } = project({ 'handler.py': handler(line) })
        assert.deepEqual(await scriptSources(script), [script])
      }
    })
  })

  it('gets a typed error if it is nested so deeply that esbuild ends; the next script loads', async function () {
    this.timeout(120_000)
    const deep = project({ 'handler.js': '['.repeat(4_000_000) })
    // On a busy machine, its process is ended because of its memory before it ends by itself.
    await refused(deep.script, {
      code: 'ERR_SIPLET_SCRIPT_SYNTAX',
      reason: /nested too deeply|takes more than 1024 MiB/,
    })
    const { script } = project({ 'handler.ts': main('const x: number = 4', 'x') })
    assert.equal((await runScript(script, INVITE)).code, 4)
  })

  it('gets a typed error if esbuild needs too much memory; the next script loads', async function () {
    this.timeout(120_000)
    const members = Array.from({ length: 40 }, (_, i) => `a${i + 1} = \`\${a${i}}\${a${i}}\``)
    const bomb = project({
      'handler.ts': `enum E { a0 = 'xxxxxxxx', ${members.join()} }\nexport default E.a40`,
    })
    await refused(bomb.script, {
      code: 'ERR_SIPLET_SCRIPT_SYNTAX',
      reason: /takes more than 1024 MiB|longer than/,
    })
    const { script } = project({ 'handler.ts': main('const x: number = 4', 'x') })
    assert.equal((await runScript(script, INVITE)).code, 4)
  })

  it('cannot find out whether a file exists by its URL', async () => {
    const { root, script } = project({ 'handler.js': '', 'x.json': '3' })
    writeFileSync(script, main(`import x from '${pathToFileURL(join(root, 'x.json')).href}'`, 'x'))
    assert.equal((await runScript(script, INVITE)).code, 3)
    writeFileSync(script, main("import x from 'file://host/x.json'", 'x'))
    await refused(script, { reason: /not the URL of a file/ })
  })
})

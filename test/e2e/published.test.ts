/**
 * The packages as they would be published: built, packed, checked by publint, and installed by npm into a new project.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { INVITE } from '../support/messages.ts'
import { readReport } from '../support/report.ts'

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const PACKAGES = ['sipmsg', 'engine', 'proxy', 'cli']
const pnpm = (args: string[], cwd: string) => run('npx', ['-y', 'pnpm@12.21.0', ...args], { cwd })

/** Uses every entry point. It must compile with the strictest options, including declaration files. */
const TYPED_PROGRAM = `
import { createEngine, type ExecResult, SipletError } from '@siplet/engine'
import type { Handler, SIPMsg } from '@siplet/engine/script'
import { createTestMessage, runScript } from '@siplet/engine/testing'
import { createProxy, type ProxyOptions } from '@siplet/proxy'
import { SIPMessage } from '@siplet/sipmsg'

export class Router implements Handler {
  child_init(rank: number): number {
    return rank > 0 ? 0 : -1
  }
  request_route(msg: SIPMsg): number {
    return msg.Method === 'INVITE' ? 1 : -1
  }
}
export const options: ProxyOptions = { listen: ['udp:127.0.0.1:5060'], script: { file: 'router.ts' } }
export const functions = [SipletError, createTestMessage, runScript, createProxy]
export const method: string | null = new SIPMessage('OPTIONS sip:a@b SIP/2.0').method
export async function route(bytes: Uint8Array): Promise<ExecResult> {
  await using engine = await createEngine({ scriptName: 'handler.ts' })
  return await engine.exec('request_route', bytes)
}
`

describe('the published packages', function () {
  this.timeout(120_000)
  const folder = mkdtempSync(join(tmpdir(), 'siplet-published-'))
  after(() => rmSync(folder, { recursive: true }))

  before(async () => {
    // The prepack script of each package builds the package.
    for (const name of PACKAGES) {
      await pnpm(['pack', '--out', join(folder, `${name}.tgz`)], join(ROOT, 'packages', name))
    }
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
    const tarballs = PACKAGES.map((name) => `./${name}.tgz`)
    await run('npm', ['install', '--no-audit', '--no-fund', ...tarballs], { cwd: folder })
    for (const name of ['handler.ts', 'handler.py']) cpSync(join(ROOT, 'examples', name), join(folder, name))
  })

  it('have a binary that replays a capture', async () => {
    const capture = join(ROOT, 'examples/calls.pcapng')
    const report = join(folder, 'report.html')
    const args = [
      'replay',
      capture,
      '--script',
      'handler.ts',
      '--children',
      '2',
      '--report',
      report,
      '--json',
    ]
    const { stdout } = await run(join(folder, 'node_modules/.bin/siplet'), args, { cwd: folder })
    assert.deepEqual(JSON.parse(stdout).verdicts, { true: 33, false: 1, stop: 3 })
    assert.equal(readReport(report).index.listed, 37)
  })

  it('run scripts in TypeScript and in Python in all isolations', async () => {
    const source = `
      import { createEngine } from '@siplet/engine'
      for (const scriptName of ['handler.ts', 'handler.py']) {
        for (const isolation of ['inline', 'thread', 'process']) {
          await using engine = await createEngine({ scriptName, isolation })
          const result = await engine.exec('request_route', ${JSON.stringify(INVITE)})
          console.log(result.code, result.message.ruri)
        }
      }`
    writeFileSync(join(folder, 'main.js'), source)
    const { stdout } = await run(process.execPath, ['main.js'], { cwd: folder })
    assert.equal(stdout, '1 sip:bob@example.net\n'.repeat(6))
  })

  for (const [moduleResolution, module] of [
    ['nodenext', 'nodenext'],
    ['bundler', 'esnext'],
  ] as const) {
    it(`have types that compile in strict TypeScript with moduleResolution ${moduleResolution}`, async () => {
      writeFileSync(join(folder, 'program.ts'), TYPED_PROGRAM)
      const compiler = join(ROOT, 'node_modules/typescript/lib/tsc.js')
      const options = ['--noEmit', '--strict', '--skipLibCheck', 'false', '--exactOptionalPropertyTypes']
      const target = ['--target', 'es2024', '--lib', 'es2024,esnext.disposable']
      const modules = ['--module', module, '--moduleResolution', moduleResolution]
      const args = [compiler, ...options, ...target, ...modules, 'program.ts']
      const { stdout } = await run(process.execPath, args, { cwd: folder })
      assert.equal(stdout, '')
    })
  }

  for (const name of PACKAGES) {
    it(`have no fault that publint finds: ${name}`, async () => {
      const publint = join(ROOT, 'node_modules/publint/src/cli.js')
      const { stdout } = await run(process.execPath, [publint, join(folder, `${name}.tgz`), '--strict'])
      assert.match(stdout, /All good!/)
    })
  }

  it('cannot be packed before they are built', async () => {
    const empty = mkdtempSync(join(folder, 'empty-'))
    cpSync(join(ROOT, 'packages/engine/package.json'), join(empty, 'package.json'))
    const checked = run(process.execPath, [join(ROOT, 'scripts/check-packable.ts')], { cwd: empty })
    await assert.rejects(checked, (error: { code: number; stderr: string }) => {
      assert.equal(error.code, 1)
      assert.match(error.stderr, /@siplet\/engine cannot be packed.*\.\/dist\/index\.js/)
      return true
    })
  })

  it('have source maps that contain their sources', () => {
    const file = 'node_modules/@siplet/engine/dist/engine.js.map'
    const { sources, sourcesContent } = JSON.parse(readFileSync(join(folder, file), 'utf8'))
    assert.deepEqual(sources, ['../src/engine.ts'])
    assert.equal(sourcesContent[0], readFileSync(join(ROOT, 'packages/engine/src/engine.ts'), 'utf8'))
  })

  it('contain no source files and no tests', async () => {
    const { stdout } = await run('tar', ['tzf', join(folder, 'engine.tgz')])
    assert.match(stdout, /package\/dist\/isolate\/host\/prelude\.bundle\.js/)
    assert.doesNotMatch(stdout, /\/src\/|\.test\.|\/tests?\//)
  })
})

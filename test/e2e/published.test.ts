/** What would be published: built, packed, and installed by npm into a project of its own. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { INVITE } from '../support/messages.ts'
import { readReport } from '../support/report.ts'

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL('../../', import.meta.url))

describe('the published packages', function () {
  this.timeout(120_000)
  const folder = mkdtempSync(join(tmpdir(), 'siplet-published-'))
  after(() => rmSync(folder, { recursive: true }))

  before(async () => {
    const pnpm = (args: string[], cwd: string) => run('npx', ['-y', 'pnpm@12.21.0', ...args], { cwd })
    await pnpm(['run', 'build'], ROOT)
    for (const name of ['sipmsg', 'engine', 'proxy', 'cli']) {
      await pnpm(['pack', '--out', join(folder, `${name}.tgz`)], join(ROOT, 'packages', name))
    }
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
    const packages = ['sipmsg', 'engine', 'proxy', 'cli'].map((name) => `./${name}.tgz`)
    await run('npm', ['install', '--no-audit', '--no-fund', ...packages], { cwd: folder })
    for (const name of ['handler.ts', 'handler.py']) cpSync(join(ROOT, 'examples', name), join(folder, name))
  })

  it('the binary replays a capture', async () => {
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

  it('the library runs in all isolations, in TypeScript and in Python', async () => {
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

  it('holds no sources and no tests', async () => {
    const { stdout } = await run('tar', ['tzf', join(folder, 'engine.tgz')])
    assert.match(stdout, /package\/dist\/isolate\/host\/prelude\.bundle\.js/)
    assert.doesNotMatch(stdout, /\/src\/|\.test\.|\/tests?\//)
  })
})

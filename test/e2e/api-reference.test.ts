/** The API reference that TypeDoc builds from the docstrings. TypeDoc fails on a broken link and on a type that is not exported. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const FOLDER = fileURLToPath(new URL('../../docs/api/', import.meta.url))

describe('the API reference', function () {
  this.timeout(120_000)
  const out = mkdtempSync(join(tmpdir(), 'siplet-api-'))
  after(() => rmSync(out, { recursive: true }))

  it('is built without a warning, and has a page for each entry point', async () => {
    const typedoc = join(FOLDER, 'node_modules/typedoc/bin/typedoc')
    const args = [typedoc, '--out', out, '--logLevel', 'Warn']
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: FOLDER })
    assert.equal(stdout + stderr, '')
    for (const name of ['sipmsg', 'engine', 'engine_script', 'engine_testing', 'proxy'])
      assert.ok(existsSync(join(out, 'modules', `_siplet_${name}.html`)), name)
  })
})

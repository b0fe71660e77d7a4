/** A short run of the fuzzer, as a process of its own: a loop without end fails the test, and does not hang it. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const FUZZER = fileURLToPath(new URL('../fuzz/fuzz.ts', import.meta.url))
const RUNS = 20_000

describe('the fuzzer', () => {
  it(`finds nothing in ${RUNS} inputs`, function () {
    this.timeout(120_000)
    const seed = String(Math.trunc(Date.now() / 86_400_000))
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [FUZZER, '--runs', String(RUNS), '--seed', seed],
      { encoding: 'utf8', timeout: 110_000 },
    )
    assert.equal(status, 0, stderr)
    const summary = stdout.trim().split('\n').at(-1)
    assert.match(summary!, new RegExp(`^${RUNS} inputs, \\d+ of them SIP, no failure`))
    console.log(`      fuzzer: seed ${seed} of today, ${summary}`)
  })
})

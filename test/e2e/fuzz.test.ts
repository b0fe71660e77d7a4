/** Short runs of the fuzzers as separate processes: an endless loop fails the test and does not hang it. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const FUZZERS = [
  ['messages', '../fuzz/fuzz.ts', 20_000],
  ['texts with loops', '../fuzz/loop-texts.ts', 200_000],
  ['captures', '../fuzz/captures.ts', 1_000],
  ['messages to the proxy, inline', '../fuzz/proxy.ts', 10_000, '--isolation', 'inline'],
  ['messages to the proxy, thread', '../fuzz/proxy.ts', 5_000, '--isolation', 'thread'],
  ['messages to the proxy, process', '../fuzz/proxy.ts', 5_000, '--isolation', 'process'],
  ['areas and frames of children', '../fuzz/wire.ts', 40_000],
] as const

describe('the fuzzers', () => {
  for (const [name, file, runs, ...more] of FUZZERS) {
    it(`find no failure in ${runs} ${name}`, function () {
      this.timeout(120_000)
      const seed = String(Math.trunc(Date.now() / 86_400_000))
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [fileURLToPath(new URL(file, import.meta.url)), '--runs', String(runs), '--seed', seed, ...more],
        { encoding: 'utf8', timeout: 110_000 },
      )
      assert.equal(status, 0, stderr)
      const summary = stdout.trim().split('\n').at(-1)
      assert.match(summary!, new RegExp(`^${runs} inputs, .*no failure`))
      console.log(`      fuzzer: today's seed ${seed}, ${summary}`)
    })
  }
})

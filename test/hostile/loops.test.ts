/** A short run of the generator of loops; docs/containment.md has a long one. */
import assert from 'node:assert/strict'
import { type Finding, runLoops } from '../fuzz/loops.ts'

/** Outer watchdog of each program: milliseconds. */
const GENEROUS_MS = 60_000

describe('loops at random', function () {
  this.timeout(0)
  for (const [language, runs] of [
    ['javascript', 40],
    ['python', 10],
  ] as const) {
    it(`are stopped: ${language}`, async () => {
      const findings: Finding[] = []
      const counts = await runLoops(
        { runs, seed: 3, isolation: 'inline', language, lateMs: GENEROUS_MS },
        (finding) => findings.push(finding),
      )
      assert.deepEqual(findings, [])
      // Most of them have to need the time limit, or nothing was shown.
      assert.ok(counts.get('ERR_SIPLET_TIMEOUT')! + (counts.get('ERR_SIPLET_MEMORY') ?? 0) > runs / 2)
    })
  }
})

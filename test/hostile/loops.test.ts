/** A short run of the generator of loops; docs/containment.md describes a long one. */
import assert from 'node:assert/strict'
import { type Finding, runLoops } from '../fuzz/loops.ts'

/** Outer watchdog of each program, in milliseconds. */
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
      // Most programs must need the time limit; otherwise the test shows nothing.
      assert.ok(counts.get('ERR_SIPLET_TIMEOUT')! + (counts.get('ERR_SIPLET_MEMORY') ?? 0) > runs / 2)
    })
  }
})

import assert from 'node:assert/strict'
import type { SIPProxy } from '@siplet/proxy'
import type { ManualClock } from './manual-clock.ts'

/** Longer than any timer: timer C and 64*T1 of the CANCEL for twelve targets, and an hour because of a Retry-After. */
const LONGEST_MS = 2 * 3_600_000
const STEP_MS = 8_000
/** Real time that methods of a script may need on a busy machine. */
const PATIENCE_MS = 60_000

/**
 * Advances the clock until nothing is left of any call: requests, transactions, contexts, running methods, connections,
 * handshakes and timers. Fails if something is left after the longest timer. Peers may be silent, but they must not
 * start anything new.
 */
export async function assertAllZero(proxy: SIPProxy, clock: ManualClock): Promise<void> {
  const left = () =>
    Object.entries({ ...proxy.load, timers: clock.running }).filter(([, count]) => count !== 0)
  for (let passed = 0; ; passed += STEP_MS) {
    await scriptsIdle(proxy)
    for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve))
    if (left().length === 0) return
    if (passed < LONGEST_MS) clock.advance(STEP_MS)
    else assert.fail(`still left after all timers have fired: ${JSON.stringify(Object.fromEntries(left()))}`)
  }
}

/** Resolves when no method of the script runs. */
export async function scriptsIdle(proxy: SIPProxy): Promise<void> {
  for (const end = performance.now() + PATIENCE_MS; proxy.load.scripts > 0; ) {
    assert.ok(performance.now() < end, `a method of the script still runs: ${JSON.stringify(proxy.load)}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

import assert from 'node:assert/strict'
import type { SIPProxy } from '@siplet/proxy'
import type { ManualClock } from './manual-clock.ts'

/** Longer than any timer: timer C and 64*T1 of the CANCEL for twelve targets, and an hour of rest that a Retry-After asks for. */
const LONGEST_MS = 2 * 3_600_000
const STEP_MS = 8_000
/** Real time that methods of a script may take on a busy machine. */
const PATIENCE_MS = 60_000

/**
 * Lets time pass, as much as it takes, until nothing is left of any call: requests, transactions, contexts, methods that
 * run, connections, handshakes and timers. Peers may be silent; none may begin something new.
 */
export async function assertAllZero(proxy: SIPProxy, clock: ManualClock): Promise<void> {
  const left = () =>
    Object.entries({ ...proxy.load, timers: clock.running }).filter(([, count]) => count !== 0)
  for (let passed = 0; ; passed += STEP_MS) {
    await scriptsIdle(proxy)
    for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve))
    if (left().length === 0) return
    if (passed < LONGEST_MS) clock.advance(STEP_MS)
    else assert.fail(`left when all timers are through: ${JSON.stringify(Object.fromEntries(left()))}`)
  }
}

/** Resolves when no method of the script runs. */
export async function scriptsIdle(proxy: SIPProxy): Promise<void> {
  for (const end = performance.now() + PATIENCE_MS; proxy.load.scripts > 0; ) {
    assert.ok(performance.now() < end, `a method has not answered: ${JSON.stringify(proxy.load)}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

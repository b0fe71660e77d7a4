/** Isolation `process`: which running exec is blamed if the process ends. */
import assert from 'node:assert/strict'
import type { Engine, ExecResult } from '@siplet/engine'
import { handler, withEngine } from '../../support/engine.ts'
import { inviteOf } from '../../support/messages.ts'
import { until } from '../../support/processes.ts'

/** Makes V8 end its process. */
const FATAL = `'x'.repeat(5e8).split('')`
const SCRIPT = handler(`
  fatal() { ${FATAL} },
  stuck() { const n = (1n << 134_000_000n) - 1n; for (;;) n * n },
  route(msg) { if (msg.CallID.startsWith('killer')) { ${FATAL} } return this.rank },
  busy() { const end = Date.now() + 150; while (Date.now() < end); return this.rank },
  callThenLoop(msg) { msg.call_function('note', msg.CallID); for (;;); },
  nested(msg) { return msg.call_function('nested') }`)
const OPTIONS = { isolation: 'process', children: 2, affinity: 'none', limits: { timeoutMs: 2_000 } } as const

const codes = (results: readonly ExecResult[]) => results.map(({ error }) => error?.code)

/** Runs two execs at the same time in two children. */
function both(engine: Engine, one: string, other: string, id: string): Promise<ExecResult[]> {
  return Promise.all([engine.exec(one, inviteOf(`one-${id}`)), engine.exec(other, inviteOf('other'))])
}

describe('blame for the end of the pool process', () => {
  it('falls on the exec that ended the process, never on an exec of another child', async () => {
    await withEngine(SCRIPT, OPTIONS, async (engine) => {
      for (let round = 0; round < 4; round++) {
        const [hostile, innocent] = await both(engine, 'fatal', 'busy', String(round))
        assert.equal(hostile!.error?.code, 'ERR_SIPLET_CHILD_LOST')
        // The same message each time: if it were blamed twice, it would be refused.
        assert.deepEqual([innocent!.error, innocent!.code > 0], [null, true])
      }
      assert.equal(engine.stats().errors.ERR_SIPLET_POISON ?? 0, 0)
    })
  }).timeout(60_000)

  it('finds the message that ends the process even if other execs always run, and then refuses that message', async () => {
    await withEngine(SCRIPT, OPTIONS, async (engine) => {
      const seen: (string | undefined)[] = []
      for (let round = 0; round < 3; round++) {
        const [hostile, innocent] = await Promise.all([
          engine.exec('route', inviteOf('killer')),
          engine.exec('busy', inviteOf('other')),
        ])
        seen.push(hostile.error?.code)
        assert.equal(innocent.error, null)
      }
      assert.deepEqual(seen, ['ERR_SIPLET_CHILD_LOST', 'ERR_SIPLET_CHILD_LOST', 'ERR_SIPLET_POISON'])
    })
  }).timeout(60_000)

  it('falls on one exec of a batch, and the others of all children are answered', async () => {
    await withEngine(SCRIPT, OPTIONS, async (engine) => {
      const ids = Array.from({ length: 24 }, (_, i) => (i === 11 ? 'killer-11' : `good-${i}`))
      const results = await Promise.all(ids.map((id) => engine.exec('route', inviteOf(id))))
      for (const [i, { error }] of results.entries())
        assert.equal(error?.code, i === 11 ? 'ERR_SIPLET_CHILD_LOST' : undefined, ids[i]!)
    })
  }).timeout(60_000)

  it('falls on a stuck child alone', async () => {
    await withEngine(SCRIPT, { ...OPTIONS, limits: { timeoutMs: 400 } }, async (engine) => {
      const [stuck, innocent] = await both(engine, 'stuck', 'busy', 'stuck')
      assert.match(stuck!.error!.message, /did not stop at limits.timeoutMs/)
      assert.equal(innocent!.error, null)
    })
  }).timeout(60_000)

  it('never runs an exec twice that called a function: the exec gets the loss as its result, and is not poison', async () => {
    const notes: string[] = []
    const note = (_: unknown, id: unknown) => notes.push(String(id))
    await withEngine(
      SCRIPT,
      { ...OPTIONS, limits: { timeoutMs: 60_000 }, functions: { note } },
      async (engine) => {
        for (let round = 0; round < 3; round++) {
          notes.length = 0
          const innocent = engine.exec('callThenLoop', inviteOf('innocent'))
          await until(() => notes.length === 1, 'the function is called')
          const hostile = engine.exec('fatal', inviteOf(`fatal-${round}`))
          assert.deepEqual(codes([await innocent, await hostile]), [
            'ERR_SIPLET_CHILD_LOST',
            'ERR_SIPLET_CHILD_LOST',
          ])
          assert.deepEqual(notes, ['innocent'])
        }
      },
    )
  }).timeout(60_000)

  it('does not block a function that waits for an exec of another child', async () => {
    let engineOf: Engine
    const nested = async () => {
      const { error } = await engineOf.exec('route', inviteOf('inner'))
      return error === null ? 7 : -7
    }
    const limits = { ...OPTIONS.limits, callFunctionTimeoutMs: 60_000 }
    await withEngine(SCRIPT, { ...OPTIONS, limits, functions: { nested } }, async (engine) => {
      engineOf = engine
      // After this, both are suspects and run alone. The second one then calls the function.
      await both(engine, 'fatal', 'nested', 'outer')
      const again = await engine.exec('nested', inviteOf('again'))
      assert.equal(again.error ?? again.code, 7)
    })
  }).timeout(60_000)
})

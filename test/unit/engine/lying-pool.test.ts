/** A pool process that says what it cannot have to say, from frames without end to answers nobody asked for. */
import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import type { Engine } from '@siplet/engine'
import { handler, withEngine } from '../../support/engine.ts'
import { INVITE, sip } from '../../support/messages.ts'
import { isAlive, until } from '../../support/processes.ts'

const POOL = fileURLToPath(new URL('../../support/lying-pool.ts', import.meta.url))
const lying = (lie: string) => sip({ headers: [['X-Lie', lie]] })

const LIES = [
  'a frame of 4 GiB',
  'a frame without a head',
  'random bytes',
  'a frame of the engine',
  'a frame of a rank that there is not',
  'a lie of another child',
  'that the child started',
  'an end that there is not',
  'an end without an area',
  'a mark larger than the area',
  'results of nothing',
  'an area of nonsense',
  'a call with a number twice',
  'a call that is none',
]

/** An engine whose pool process is the one that lies. */
async function withLyingPool(test: (engine: Engine) => Promise<void>): Promise<void> {
  const limits = { maxResultBytes: 4_096, timeoutMs: 10_000 }
  const pool = { wrapper: [process.execPath, POOL] }
  const options = {
    isolation: 'process',
    children: 2,
    limits,
    process: pool,
    functions: { f: () => 1 },
  } as const
  await withEngine(handler('route() { return 1 }'), options, test)
}

describe('a pool process that lies', () => {
  const unhandled: unknown[] = []
  const note = (reason: unknown) => unhandled.push(reason)
  before(() => process.on('unhandledRejection', note))
  after(() => process.off('unhandledRejection', note))

  it('costs itself, and the exec that it answered with a lie; the next one is answered', async () => {
    await withLyingPool(async (engine) => {
      assert.equal((await engine.exec('route', INVITE)).code, 1)
      for (const lie of LIES) {
        // More than once: what was lost to a lie is never called poison.
        for (let time = 0; time < 3; time++) {
          const { error } = await engine.exec('route', lying(lie))
          assert.equal(error?.code, 'ERR_SIPLET_CHILD_LOST', lie)
          assert.match(error!.message, /\(malformed /, lie)
        }
        assert.equal((await engine.exec('route', INVITE)).code, 1, lie)
      }
      assert.equal(engine.stats().errors.ERR_SIPLET_POISON, undefined)
      assert.deepEqual(unhandled, [])
    })
  }).timeout(120_000)

  it('is ended for an answer that nobody asked for, and that costs no exec', async () => {
    await withLyingPool(async (engine) => {
      const { pid } = engine.stats().children[0]!
      assert.equal((await engine.exec('route', lying('then again'))).code, 1)
      await until(() => !isAlive(pid!), 'the process is ended')
      assert.equal((await engine.exec('route', INVITE)).code, 1)
    })
  }).timeout(60_000)
})

/** A pool process that sends what it must not send, from endless frames to unexpected answers. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
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
  'a call that is too long',
  'calls without end',
]

const REPEATED = [
  'back and forth',
  'more execs than were sent',
  'malformed calls',
  'long calls',
  'a byte more',
]

/** Creates an engine whose pool process is the one that lies. */
async function withLyingPool(
  test: (engine: Engine) => Promise<void>,
  timeoutMs = 10_000,
  ...args: readonly string[]
): Promise<void> {
  const limits = { maxResultBytes: 4_096, timeoutMs }
  const pool = { wrapper: [process.execPath, POOL, ...args] }
  const options = {
    isolation: 'process',
    children: 2,
    affinity: 'none',
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

  it('is ended, and the exec with the wrong answer fails; the next exec is answered', async () => {
    await withLyingPool(async (engine) => {
      assert.equal((await engine.exec('route', INVITE)).code, 1)
      for (const lie of LIES) {
        // More than once: an exec that was lost because of a lie is never poison.
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

  it('is ended for an unexpected answer, which costs no exec', async () => {
    await withLyingPool(async (engine) => {
      const { pid } = engine.stats().children[0]!
      assert.equal((await engine.exec('route', lying('then again'))).code, 1)
      await until(() => !isAlive(pid!), 'the process is ended')
      assert.equal((await engine.exec('route', INVITE)).code, 1)
    })
  }).timeout(60_000)

  it('is ended for an unexpected long frame when the frame begins', async () => {
    await withLyingPool(async (engine) => {
      const { pid } = engine.stats().children[0]!
      assert.equal((await engine.exec('route', sip({ headers: [['X-Long', 'idle']] }))).code, 1)
      await until(() => !isAlive(pid!), 'the process is ended')
      assert.equal((await engine.exec('route', INVITE)).code, 1)
    })
  }).timeout(60_000)

  for (const what of REPEATED) {
    it(`cannot keep an exec unanswered by repeating a frame: ${what}`, async () => {
      await withLyingPool(async (engine) => {
        const { error } = await engine.exec('route', sip({ headers: [['X-Repeat', what]] }))
        assert.equal(error?.code, 'ERR_SIPLET_CHILD_LOST')
        assert.equal((await engine.exec('route', INVITE)).code, 1)
      }, 50)
    }).timeout(60_000)
  }

  it('cannot keep an exec unanswered with frames of another child', async () => {
    await withLyingPool(async (engine) => {
      let answered = false
      const ignored = engine.exec('route', sip({ headers: [['X-Ignored', 'yes']] })).finally(() => {
        answered = true
      })
      // The other child has the shorter queue.
      while (!answered) assert.equal((await engine.exec('route', INVITE)).error, null)
      assert.equal((await ignored).error?.code, 'ERR_SIPLET_CHILD_LOST')
    })
  }).timeout(60_000)

  it('is not started without end if it ends soon after each start', async () => {
    const test = async (engine: Engine) => {
      const degraded = () => engine.stats().children.every(({ state }) => state === 'degraded')
      await until(degraded, 'it is tried again with back-off')
      const { lost } = engine.stats().rebuilds
      await sleep(500)
      assert.equal(engine.stats().rebuilds.lost, lost)
      // The process itself decides whether it lives long enough for this exec.
      const { error } = await engine.exec('route', INVITE)
      assert.ok(error === null || error.code === 'ERR_SIPLET_CHILD_LOST', String(error?.message))
    }
    await withLyingPool(test, 10_000, 'short life')
  }).timeout(60_000)
})

/** A worker thread that ends: its rank continues in another worker. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Worker } from 'node:worker_threads'
import { handler, scriptFile, withEngine } from '../../support/engine.ts'
import { INVITE } from '../../support/messages.ts'

const ENDING_THREAD = fileURLToPath(new URL('../../support/ending-thread.ts', import.meta.url))

describe('a worker thread that ends', () => {
  const workers: Worker[] = []
  const collect = (worker: Worker) => workers.push(worker)
  beforeEach(() => {
    workers.length = 0
    process.on('worker', collect)
  })
  afterEach(() => {
    process.off('worker', collect)
  })

  const SOURCE = handler(`
    n: 0,
    count() { return 100 * this.rank + ++this.n },
    hang(msg) { return msg.call_function('never') }`)
  const functions = { never: () => new Promise<number>(() => {}) }

  it('during an exec: that exec gets ERR_SIPLET_CHILD_LOST; waiting execs are answered by the same rank', async () => {
    await withEngine(
      SOURCE,
      { isolation: 'thread', functions, limits: { callFunctionTimeoutMs: 10_000 } },
      async (engine) => {
        assert.equal((await engine.exec('count', INVITE)).code, 101)
        const batch = ['count', 'hang', 'count', 'count'].map((method) => engine.exec(method, INVITE))
        await delay(50)
        await workers[0]!.terminate()
        const results = await Promise.all(batch)
        assert.deepEqual(
          results.map(({ code }) => code),
          [102, -1, 101, 102],
        )
        assert.equal(results[1]!.error?.code, 'ERR_SIPLET_CHILD_LOST')
        assert.equal(engine.stats().children[0]!.rebuilds.lost, 1)
      },
    )
  })

  it('while idle: no exec is to blame, the next one is answered', async () => {
    await withEngine(SOURCE, { isolation: 'thread', children: 2, affinity: 'none' }, async (engine) => {
      assert.equal((await engine.exec('count', INVITE)).code, 101)
      await Promise.all(workers.map((worker) => worker.terminate()))
      const results = await Promise.all([engine.exec('count', INVITE), engine.exec('count', INVITE)])
      assert.deepEqual(
        results.map(({ error, code }) => error ?? code),
        [101, 201],
      )
    })
  })

  it('during its start: another worker starts the child', async () => {
    let ends = 2
    const end = (worker: Worker) => {
      if (ends-- > 0) worker.terminate()
    }
    process.on('worker', end)
    try {
      await withEngine(SOURCE, { isolation: 'thread' }, async (engine) => {
        assert.equal((await engine.exec('count', INVITE)).code, 101)
      })
    } finally {
      process.off('worker', end)
    }
    assert.equal(workers.length, 3)
  })

  it('by itself, if nothing else keeps the process alive: the exec is still answered', async () => {
    const script = scriptFile(handler('loop() { for (;;); }, answers() { return 7 }'))
    const { stdout } = await promisify(execFile)(process.execPath, [ENDING_THREAD, script])
    assert.equal(stdout, 'ERR_SIPLET_CHILD_LOST\n7\n')
  })
})

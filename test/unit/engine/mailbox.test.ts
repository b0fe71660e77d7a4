/** Both sides of a mailbox in two threads: each batch ends exactly once, however its end is reported. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { Mailbox } from '../../../packages/engine/src/children/mailbox.ts'

const WORKER = `
  import { parentPort, workerData } from 'node:worker_threads'
  import { serve } from ${JSON.stringify(new URL('../../../packages/engine/src/children/mailbox.ts', import.meta.url).href)}
  parentPort.postMessage('ready')
  // The length of a batch is its number of steps.
  serve(workerData, (length) => {
    for (let i = 0; i < length; i++) Math.sqrt(i)
    return 'done'
  }, (end) => parentPort.postMessage(end))`

describe('mailbox', () => {
  it('reports the end of each batch once, whether the engine looks for it, gives up looking, or is told', async () => {
    const mailbox = new Mailbox()
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(WORKER)}`), {
      workerData: mailbox.memory,
    })
    try {
      await once(worker, 'message')
      const told = { looked: 0, sent: 0 }
      let messages = 0
      let ended: (how: keyof typeof told) => void
      worker.on('message', (end) => {
        assert.equal(end, 'done')
        messages++
        ended('sent')
      })
      const batches = 4_000
      for (let batch = 0; batch < batches; batch++) {
        // Some batches end at once, some when the engine stops looking, some well after that; some are too large to
        // look for.
        const steps = [0, 100, 20_000, 60_000, 0, 500_000][batch % (batch < 200 ? 6 : 4)]!
        const count = batch % 7 === 0 ? 100 : 1
        const how = await new Promise<keyof typeof told>((resolve, reject) => {
          ended = (by) => {
            ended = () => reject(new Error(`batch ${batch} ended twice`))
            resolve(by)
          }
          mailbox.send(
            steps,
            count,
            () => ended('looked'),
            () => {},
          )
        })
        told[how]++
      }
      assert.equal(told.looked + told.sent, batches)
      assert.equal(messages, told.sent)
      assert.ok(told.sent >= batches / 7, JSON.stringify(told))
    } finally {
      await worker.terminate()
    }
  })
})

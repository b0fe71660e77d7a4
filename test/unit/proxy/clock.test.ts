import assert from 'node:assert/strict'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { systemClock } from '@siplet/proxy'

describe('the clock of the system', () => {
  it('runs timers in order, never early', async () => {
    const start = performance.now()
    const ran: [name: string, early: boolean][] = []
    const due = (name: string, ms: number) =>
      new Promise<void>((resolve) =>
        systemClock.after(ms, () => {
          ran.push([name, performance.now() - start < ms])
          resolve()
        }),
      )
    const all = [due('long', 60), due('short', 20), due('short too', 20)]
    // The queue does not keep a process alive; the sockets of a proxy do.
    await Promise.all([...all, delay(100)])
    assert.deepEqual(ran, [
      ['short', false],
      ['short too', false],
      ['long', false],
    ])
  })

  it('runs no stopped timers, and runs timers that were started meanwhile', async () => {
    const ran: string[] = []
    const stop = systemClock.after(15, () => ran.push('stopped'))
    systemClock.after(15, () => {
      ran.push('first')
      stopByFirst()
      systemClock.after(15, () => ran.push('started by first'))
    })
    const stopByFirst = systemClock.after(15, () => ran.push('stopped by first'))
    stop()
    await delay(80)
    stop()
    assert.deepEqual(ran, ['first', 'started by first'])
  })

  it('continues after a timer that throws', async () => {
    const clock = new URL('../../../packages/proxy/src/clock.ts', import.meta.url).href
    const worker = new Worker(
      `const { parentPort } = require('node:worker_threads')
       process.on('uncaughtException', (error) => parentPort.postMessage(error.message))
       import(${JSON.stringify(clock)}).then(({ systemClock }) => {
         systemClock.after(5, () => { throw new Error('a fault') })
         systemClock.after(5, () => parentPort.postMessage('the next'))
         setTimeout(() => {}, 200)
       })`,
      { eval: true },
    )
    const told: string[] = []
    worker.on('message', (text) => told.push(text))
    await once(worker, 'exit')
    assert.deepEqual(told, ['a fault', 'the next'])
  })
})

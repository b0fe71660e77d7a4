/** Answers of functions that come after the calling child was lost. */
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { Engine, FunctionMessage } from '@siplet/engine'
import { handler, withEngine } from '../../support/engine.ts'
import { INVITE } from '../../support/messages.ts'
import { until } from '../../support/processes.ts'

describe('a late answer of a function', () => {
  for (const isolation of ['thread', 'process'] as const) {
    it(`${isolation}: is not taken for the answer to a call of the next child`, async () => {
      const answers: ((code: number) => void)[] = []
      const f = (message: FunctionMessage) => {
        message.setHeader('X-Call', String(answers.length + 1))
        return new Promise<number>((resolve) => answers.push(resolve))
      }
      const source = handler("calls(msg) { return msg.call_function('f') }, loops() { for (;;); }")
      const limits = { callFunctionTimeoutMs: 60_000, timeoutMs: 200 }
      await withEngine(source, { isolation, functions: { f }, limits }, async (engine) => {
        const first = engine.exec('calls', INVITE)
        await until(() => answers.length === 1, 'the function is called')
        await endChild(engine, isolation)
        assert.equal((await first).error?.code, 'ERR_SIPLET_CHILD_LOST')
        const second = engine.exec('calls', INVITE)
        await until(() => answers.length === 2, 'the function is called again')
        answers[0]!(111)
        await delay(50)
        answers[1]!(222)
        const { code, message } = await second
        assert.deepEqual([code, message.getHeader('X-Call')], [222, '2'])
      })
    }).timeout(60_000)
  }
})

/** Ends the worker or process of the child. */
async function endChild(engine: Engine, isolation: 'thread' | 'process'): Promise<void> {
  if (isolation === 'process') process.kill(engine.stats().children[0]!.pid!, 'SIGKILL')
  else await Promise.all(workers.splice(0).map((worker) => worker.terminate()))
}

const workers: { terminate(): Promise<number> }[] = []
process.on('worker', (worker) => workers.push(worker))

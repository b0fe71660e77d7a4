/** Loggers and listeners of the embedder that fail: every exec is still answered. */
import assert from 'node:assert/strict'
import type { Logger } from '@siplet/engine'
import { handler, ISOLATIONS, keepingLogger, withEngine } from '../../support/engine.ts'
import { INVITE } from '../../support/messages.ts'
import { until } from '../../support/processes.ts'

const SOURCE = handler(`
  logs() { LM_ERR('one'); return 1 },
  fails() { throw new Error('no') },
  loops() { for (;;); }`)

const nothing = () => {}
const loggerOf = (write: () => void): Logger => ({
  debug: write,
  info: write,
  warn: write,
  error: write,
  fatal: write,
})

describe('embedders that fail', () => {
  const unhandled: unknown[] = []
  const note = (reason: unknown) => unhandled.push(reason)
  before(() => process.on('unhandledRejection', note))
  after(() => process.off('unhandledRejection', note))
  afterEach(() => assert.deepEqual(unhandled.splice(0), []))

  for (const isolation of ISOLATIONS) {
    for (const [name, write] of [
      [
        'throws',
        () => {
          throw Object.create(null)
        },
      ],
      ['rejects', () => Promise.reject(Object.create(null))],
    ] as const) {
      it(`${isolation}: a logger that ${name} loses the line; stats() counts it`, async () => {
        const options = { isolation, logger: loggerOf(write), limits: { timeoutMs: 100 } }
        await withEngine(SOURCE, options, async (engine) => {
          const execs = ['logs', 'fails', 'loops', 'logs'].map((method) => engine.exec(method, INVITE))
          const results = await Promise.all(execs)
          assert.deepEqual(
            results.map(({ code, error }) => error?.code ?? code),
            [1, 'ERR_SIPLET_SCRIPT', 'ERR_SIPLET_TIMEOUT', 1],
          )
          await until(() => engine.stats().logLinesDropped === 4, 'the lines are counted')
        })
      })
    }

    for (const [name, listener] of [
      [
        'throws',
        () => {
          throw new Error('no listener')
        },
      ],
      ['rejects', () => Promise.reject(new Error('no listener'))],
    ] as const) {
      it(`${isolation}: a listener that ${name} is logged; the child is rebuilt anyway`, async () => {
        const logger = keepingLogger()
        await withEngine(SOURCE, { isolation, logger, limits: { timeoutMs: 100 } }, async (engine) => {
          engine.on('rebuild', listener)
          engine.on('reload', listener)
          const results = await Promise.all(['loops', 'logs'].map((method) => engine.exec(method, INVITE)))
          assert.deepEqual(
            results.map(({ code }) => code),
            [-1, 1],
          )
          await engine.reload()
          assert.equal((await engine.exec('logs', INVITE)).code, 1)
          const told = () =>
            logger.records.map(({ message }) => message).filter((text) => /listener/.test(text))
          await until(() => told().length === 2, 'both are logged')
          assert.deepEqual(told(), [
            "a listener of 'rebuild' failed: no listener",
            "a listener of 'reload' failed: no listener",
          ])
        })
      })
    }
  }

  it('an error names arguments that JSON cannot express', async () => {
    await withEngine(SOURCE, { logger: loggerOf(nothing) }, async (engine) => {
      const circular: unknown[] = []
      circular.push(circular)
      for (const [value, text] of [
        [5n, '5n'],
        [circular, 'a value that cannot be read'],
        [Symbol('s'), 'Symbol(s)'],
      ] as const) {
        await assert.rejects(engine.exec('logs', value as never), {
          code: 'ERR_SIPLET_ARGUMENT',
          message: new RegExp(`not ${text.replace(/[()]/g, '\\$&')}$`),
        })
      }
    })
  })
})

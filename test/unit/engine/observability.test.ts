/** Events, statistics, metrics and tracing of an engine. */
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { setTimeout as delay } from 'node:timers/promises'
import { handler, ISOLATIONS, withEngine } from '../../support/engine.ts'
import { INVITE, RINGING } from '../../support/messages.ts'

/**
 * Runs an engine whose script refuses to start for a while. Only the clock can tell a new isolate when that is. Returns
 * false if the machine was too slow for a rebuild within that time.
 */
async function refusesFor(windowMs: number, isolation: (typeof ISOLATIONS)[number]): Promise<boolean> {
  const from = Date.now() + 3 * windowMs
  const to = from + windowMs
  const source = `
    const refuses = () => Date.now() > ${from} && Date.now() < ${to}
    ${handler('loop() { for (;;); }, rankOf() { return 1 }').replace('return 0', 'return refuses() ? -1 : 0')}`
  const observed = withEngine(source, { isolation, limits: { timeoutMs: 200 } }, async (engine) => {
    const told: string[] = []
    engine.on('rebuild', ({ rank, cause }) => told.push(`rebuild ${rank} ${cause}`))
    engine.on('degraded', ({ rank, error }) => told.push(`degraded ${rank} ${error.code}`))
    engine.on('recovered', ({ rank }) => told.push(`recovered ${rank}`))
    await delay(from + 1 - Date.now())
    assert.equal((await engine.exec('loop', INVITE)).error?.code, 'ERR_SIPLET_TIMEOUT')
    const refused = await engine.exec('rankOf', INVITE)
    const { state } = engine.stats().children[0]!
    const metrics = await engine.metrics()
    if (Date.now() >= to) return false
    assert.equal(refused.error?.code, 'ERR_SIPLET_CHILD_INIT')
    assert.equal(state, 'degraded')
    assert.match(metrics, /siplet_child_degraded{rank="1"} 1/)
    while ((await engine.exec('rankOf', INVITE)).code !== 1) await delay(20)
    assert.deepEqual(told, ['rebuild 1 timeout', 'degraded 1 ERR_SIPLET_CHILD_INIT', 'recovered 1'])
    assert.equal(engine.stats().children[0]!.state, 'idle')
    return true
  })
  return observed.catch((error) => {
    if (error.code === 'ERR_SIPLET_CHILD_INIT') return false
    throw error
  })
}

for (const isolation of ISOLATIONS) {
  describe(`observability, ${isolation}`, () => {
    it('a child that cannot be rebuilt is degraded, is tried again with back-off, and recovers', async () => {
      // On a slow machine, the rebuild may come too late to be refused. Then the test tries again with more time.
      let windowMs = 500
      while (!(await refusesFor(windowMs, isolation))) windowMs *= 4
    }).timeout(600_000)

    it('metrics in the text format of Prometheus: answers, latency, queues, rebuilds, memory', async () => {
      const script = handler(
        'yes() { return 1 }, no() { return -1 }, stop() { return 0 }, loop() { for (;;); }',
      )
      await withEngine(script, { isolation, children: 2, limits: { timeoutMs: 20 } }, async (engine) => {
        for (const method of ['yes', 'yes', 'no', 'stop', 'loop']) await engine.exec(method, INVITE)
        const text = await engine.metrics()
        for (const line of [
          'siplet_execs_total{method="yes",outcome="true"} 2',
          'siplet_execs_total{method="no",outcome="false"} 1',
          'siplet_execs_total{method="stop",outcome="stop"} 1',
          'siplet_errors_total{code="ERR_SIPLET_TIMEOUT"} 1',
          'siplet_rebuilds_total{cause="timeout"} 1',
          'siplet_queue_depth{rank="1"} 0',
          'siplet_exec_duration_seconds_count 5',
          'siplet_child_degraded{rank="2"} 0',
        ]) {
          assert.ok(text.includes(line), `${line} in\n${text}`)
        }
        const heap = /siplet_child_heap_bytes{rank="\d"} (\d+)/g
        const bytes = [...text.matchAll(heap)].map((match) => Number(match[1]))
        assert.equal(bytes.length, 2)
        assert.ok(Math.max(...bytes) > 100_000, String(bytes))
      })
    })
  })
}

describe('tracing through node:diagnostics_channel', () => {
  it('start and asyncEnd of one exec share a context with method, route and result', async () => {
    const seen: { event: string; context: object }[] = []
    const start = (context: unknown) => void seen.push({ event: 'start', context: context as object })
    const end = (context: unknown) => void seen.push({ event: 'end', context: context as object })
    subscribe('tracing:siplet:exec:start', start)
    subscribe('tracing:siplet:exec:asyncEnd', end)
    try {
      await withEngine(handler('x() { return 5 }'), { isolation: 'inline' }, async (engine) => {
        const result = await engine.exec('x', RINGING, { route: 'FAILURE_ROUTE' })
        assert.deepEqual(
          seen.map(({ event }) => event),
          ['start', 'end'],
        )
        assert.equal(seen[0]!.context, seen[1]!.context)
        assert.deepEqual(seen[0]!.context, { method: 'x', route: 'FAILURE_ROUTE', result })
      })
    } finally {
      unsubscribe('tracing:siplet:exec:start', start)
      unsubscribe('tracing:siplet:exec:asyncEnd', end)
    }
  })

  it('traces execSync with start and end, and ends the trace of refused arguments with an error', async () => {
    const names = ['start', 'end', 'asyncEnd', 'error'] as const
    const seen: [event: string, context: { method: string; result?: unknown; error?: unknown }][] = []
    const listeners = names.map((name) => {
      const listener = (context: unknown) => void seen.push([name, context as (typeof seen)[number][1]])
      return [`tracing:siplet:exec:${name}`, listener] as const
    })
    for (const [name, listener] of listeners) subscribe(name, listener)
    try {
      await withEngine(handler('x() { return 5 }'), { isolation: 'inline' }, async (engine) => {
        const result = engine.execSync('x', INVITE)
        assert.deepEqual(
          seen.map(([name]) => name),
          ['start', 'end'],
        )
        assert.equal(seen[1]![1].result, result)
        seen.length = 0
        assert.throws(() => engine.execSync('x', 7 as never), { code: 'ERR_SIPLET_ARGUMENT' })
        assert.deepEqual(
          seen.map(([name]) => name),
          ['start', 'error', 'end'],
        )
        seen.length = 0
        await assert.rejects(engine.exec('x', 7 as never), { code: 'ERR_SIPLET_ARGUMENT' })
        assert.deepEqual(
          seen.map(([name]) => name),
          ['start', 'end', 'error', 'asyncEnd'],
        )
        assert.equal((seen[3]![1].error as { code: string }).code, 'ERR_SIPLET_ARGUMENT')
      })
    } finally {
      for (const [name, listener] of listeners) unsubscribe(name, listener)
    }
  })

  it('errors of subscribers reach uncaughtException of the process, and affect no exec', async () => {
    const fails = () => {
      throw new Error('a subscriber failed')
    }
    const uncaught: string[] = []
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', (error) => uncaught.push(error.message))
    subscribe('tracing:siplet:exec:start', fails)
    subscribe('tracing:siplet:exec:asyncEnd', fails)
    try {
      for (const isolation of ISOLATIONS) {
        await withEngine(handler('x() { return 5 }'), { isolation }, async (engine) => {
          const results = await Promise.all(Array.from({ length: 5 }, () => engine.exec('x', INVITE)))
          assert.deepEqual(
            results.map(({ code }) => code),
            Array(5).fill(5),
          )
        })
      }
    } finally {
      unsubscribe('tracing:siplet:exec:start', fails)
      unsubscribe('tracing:siplet:exec:asyncEnd', fails)
      process.removeAllListeners('uncaughtException')
      for (const listener of listeners) process.on('uncaughtException', listener)
    }
    assert.deepEqual(uncaught, Array(30).fill('a subscriber failed'))
  })
})

/** Isolation `process`: the pool process may end, stop or get stuck; every exec is answered. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { handler, scriptFile, withEngine } from '../../support/engine.ts'
import { INVITE, inviteOf, sip } from '../../support/messages.ts'
import { isAlive, until } from '../../support/processes.ts'

/** Nothing interrupts this: the product of two large integers. */
const STUCK = 'const n = (1n << 134_000_000n) - 1n; for (;;) n * n'
const SCRIPT = handler(`
  stuck() { ${STUCK} },
  busy() { const end = Date.now() + 100; while (Date.now() < end); return this.rank },
  rankOf() { return this.rank }`)
const LIMITS = { timeoutMs: 200 }

describe('the pool process', () => {
  it('is not this process, and stats() names its pid', async () => {
    await withEngine(SCRIPT, { isolation: 'process', children: 2 }, async (engine) => {
      const [one, two] = engine.stats().children
      assert.equal(one!.pid, two!.pid)
      assert.notEqual(one!.pid, process.pid)
      assert.ok(isAlive(one!.pid!))
      const { pid } = one!
      await engine.close()
      assert.equal(isAlive(pid!), false)
    })
  })

  for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
    it(`${signal} while execs run: each exec is answered once, all ranks return`, async () => {
      await withEngine(SCRIPT, { isolation: 'process', children: 2, limits: LIMITS }, async (engine) => {
        const { pid } = engine.stats().children[0]!
        const execs = Array.from({ length: 12 }, (_, i) => engine.exec('busy', inviteOf(`c${i}`)))
        setTimeout(() => process.kill(pid!, signal), 50)
        const results = await Promise.all(execs)
        for (const { code, error, child } of results) {
          if (error === null) assert.equal(code, child)
          else assert.equal(error.code, 'ERR_SIPLET_CHILD_LOST', error.message)
        }
        const ranks = await Promise.all(
          Array.from({ length: 12 }, (_, i) => engine.exec('rankOf', inviteOf(`c${i}`))),
        )
        assert.deepEqual(
          ranks.map(({ code, error }) => error ?? code),
          results.map(({ child }) => child),
        )
        const { children } = engine.stats()
        assert.notEqual(children[0]!.pid, pid)
        assert.equal(isAlive(pid!), false)
      })
    }).timeout(30_000)
  }

  it('SIGKILL while it starts again: execs wait for the next process, none is refused', async () => {
    await withEngine(SCRIPT, { isolation: 'process', limits: LIMITS }, async (engine) => {
      const pid = () => engine.stats().children[0]!.pid
      const first = pid()
      process.kill(first!, 'SIGKILL')
      await until(() => pid() !== null && pid() !== first, 'another process starts')
      const exec = engine.exec('rankOf', INVITE)
      process.kill(pid()!, 'SIGKILL')
      const { code, error } = await exec
      assert.equal(error ?? code, 1)
    })
  }).timeout(30_000)

  it('SIGKILL while idle: no exec is to blame, the next one is answered', async () => {
    await withEngine(SCRIPT, { isolation: 'process' }, async (engine) => {
      const { pid } = engine.stats().children[0]!
      process.kill(pid!, 'SIGKILL')
      await until(() => engine.stats().rebuilds.lost === 1, 'the loss is noticed')
      const { code, error } = await engine.exec('rankOf', INVITE)
      assert.deepEqual([code, error], [1, null])
    })
  })

  it('is ended soon after timeoutMs if a child cannot be interrupted; other execs run again', async () => {
    await withEngine(SCRIPT, { isolation: 'process', children: 2, limits: LIMITS }, async (engine) => {
      const results = await Promise.all([
        engine.exec('stuck', inviteOf('a')),
        ...Array.from({ length: 10 }, (_, i) => engine.exec('busy', inviteOf(`b${i}`))),
      ])
      const [stuck, ...others] = results
      assert.equal(stuck!.error?.code, 'ERR_SIPLET_CHILD_LOST')
      assert.match(stuck!.error!.message, /did not stop at limits.timeoutMs \(200 ms\)/)
      for (const { code, error, child } of others)
        assert.deepEqual([error?.message, code], [undefined, child])
    })
  }).timeout(30_000)

  it('refuses a message that ended it twice with ERR_SIPLET_POISON, but no other message; a reload clears this', async () => {
    const script = handler(`route(msg) { if (msg.CallID === 'killer') { ${STUCK} } return this.rank }`)
    await withEngine(script, { isolation: 'process', limits: LIMITS }, async (engine) => {
      const codes: (string | undefined)[] = []
      for (let i = 0; i < 3; i++) {
        const { error } = await engine.exec('route', inviteOf('killer'))
        codes.push(error?.code)
      }
      assert.deepEqual(codes, ['ERR_SIPLET_CHILD_LOST', 'ERR_SIPLET_CHILD_LOST', 'ERR_SIPLET_POISON'])
      assert.equal((await engine.exec('route', inviteOf('other'))).code, 1)
      assert.equal(engine.stats().errors.ERR_SIPLET_POISON, 1)
      await engine.reload()
      const { error } = await engine.exec('route', inviteOf('killer'))
      assert.equal(error?.code, 'ERR_SIPLET_CHILD_LOST')
    })
  }).timeout(30_000)

  it('ends when this process is killed, even while a script is stuck', async () => {
    const scriptName = scriptFile(SCRIPT)
    const host = spawn(process.execPath, ['--input-type=module', '-e', HOST(scriptName)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = await once(createInterface(host.stdout), 'line')
    const pid = Number(line)
    assert.ok(isAlive(pid))
    await new Promise((resolve) => setTimeout(resolve, 100))
    host.kill('SIGKILL')
    await until(() => !isAlive(pid), 'the pool process ends with its host')
  }).timeout(20_000)

  it('accepts more than the pipe holds at once', async () => {
    const body = 'x'.repeat(60_000)
    await withEngine(
      handler('size(msg) { return msg.body.length }'),
      // The default limit of 50 ms is too short for a busy machine.
      { isolation: 'process', limits: { timeoutMs: 10_000 } },
      async (engine) => {
        const message = sip({ body })
        const results = await Promise.all(Array.from({ length: 300 }, () => engine.exec('size', message)))
        for (const { code, error } of results) assert.deepEqual([code, error], [body.length, null])
      },
    )
  })
})

function HOST(scriptName: string): string {
  const engine = new URL('../../../packages/engine/src/index.ts', import.meta.url).href
  return `
    import { createEngine } from ${JSON.stringify(engine)}
    const engine = await createEngine({ scriptName: ${JSON.stringify(scriptName)}, isolation: 'process', limits: { timeoutMs: 60_000 } })
    console.log(engine.stats().children[0].pid)
    engine.exec('stuck', ${JSON.stringify(INVITE)})`
}

/**
 * Causes random faults while execs run: `npm run faults [seconds] [seed]`, ten seconds by default. Scripts loop,
 * fill memory, recurse, throw and get stuck; worker threads end; the pool process is killed; the script is reloaded,
 * also with a failing one. Checks throughout: every exec is answered exactly once; execs of one Call-ID are answered in
 * order by the rank of that Call-ID; ranks stay unique; at the end all children serve.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import { createEngine, type EngineOptions } from '@siplet/engine'
import { SIPMessage } from '@siplet/sipmsg'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { type FigureRow, type Figures, figuresText } from '../packages/cli/src/bench/figures.ts'
import { INVITE } from '../packages/cli/src/bench/invite.ts'

const CHILDREN = 2
const CALLS = 40
const MIB = 2 ** 20
const SCRIPT = `
class Handler {
  last = new Map()
  child_init(rank) { this.rank = rank; return 0 }
  // Execs of one call arrive in order, whatever happens between them.
  route(msg, number) {
    if (Number(number) <= (this.last.get(msg.CallID) ?? -1)) return -2
    this.last.set(msg.CallID, Number(number))
    return this.rank
  }
  loop() { for (;;); }
  memory() { const all = []; for (;;) all.push('x'.repeat(1000) + all.length) }
  stack() { return this.stack() + 1 }
  throws() { throw new Error('at random') }
  stuck() { const n = (1n << 134_000_000n) - 1n; for (;;) n * n }
}
function mod_init() { return new Handler() }`
const FAULTS: Record<string, readonly string[]> = {
  loop: ['ERR_SIPLET_TIMEOUT'],
  memory: ['ERR_SIPLET_MEMORY', 'ERR_SIPLET_TIMEOUT'],
  stack: ['ERR_SIPLET_STACK', 'ERR_SIPLET_TIMEOUT'],
  throws: ['ERR_SIPLET_SCRIPT'],
  // The product may not fit into a heap of 16 MiB.
  stuck: ['ERR_SIPLET_CHILD_LOST', 'ERR_SIPLET_POISON', 'ERR_SIPLET_MEMORY'],
}
/** Errors that a fault elsewhere may cause for any exec. */
const BYSTANDER = ['ERR_SIPLET_CHILD_LOST', 'ERR_SIPLET_POISON', 'ERR_SIPLET_TIMEOUT']

/** @param seed seed of the order of faults; the time of each fault also depends on the machine */
export async function run(
  isolation: NonNullable<EngineOptions['isolation']>,
  seconds = 10,
  seed = 1,
): Promise<Figures> {
  const random = xoroshiro128plus(seed)
  const upTo = (limit: number) => uniformInt(random, 0, limit - 1)
  const folder = mkdtempSync(join(tmpdir(), 'siplet-faults-'))
  const scriptName = join(folder, 'handler.js')
  writeFileSync(scriptName, SCRIPT)
  const workers: Worker[] = []
  const collect = (worker: Worker) => {
    workers.push(worker)
    worker.once('exit', () => workers.splice(workers.indexOf(worker), 1))
  }
  process.on('worker', collect)
  await using engine = await createEngine({
    scriptName,
    isolation,
    children: CHILDREN,
    limits: { timeoutMs: 100, memoryMb: 16 },
    logger: { debug() {}, info() {}, warn() {}, error() {}, fatal() {} },
  })
  const counts = { execs: 0, answers: 0, kills: 0, reloads: 0, failedReloads: 0 }
  const outcomes: Record<string, number> = {}
  const end = performance.now() + 1_000 * seconds
  const running = () => performance.now() < end
  const faults = Object.keys(FAULTS).filter((name) => name !== 'stuck' || isolation === 'process')
  const ranks = new Map<string, number>()

  const call = async (callId: string) => {
    const message = new SIPMessage(INVITE)
    message.setHeader('Call-ID', callId)
    const bytes = Buffer.from(message.toBytes())
    let answered = -1
    for (let number = 0; running(); ) {
      // Several at once, to test the execs after a fault in a batch as well.
      const burst = Array.from({ length: 1 + upTo(8) }, () => {
        const mine = number++
        const fault = upTo(200) === 0 ? faults[upTo(faults.length)]! : undefined
        counts.execs++
        let times = 0
        return engine.exec(fault ?? 'route', bytes, { extraArgs: String(mine) }).then((result) => {
          counts.answers++
          assert.equal(++times, 1)
          const { code, error, child } = result
          // A refusal does not wait for earlier execs.
          if (error?.code !== 'ERR_SIPLET_POISON') {
            assert.ok(mine > answered, `${callId}: answers out of order`)
            answered = mine
          }
          const name = error?.code ?? 'answered'
          outcomes[name] = (outcomes[name] ?? 0) + 1
          if (error === null) {
            assert.equal(fault, undefined)
            assert.equal(code, child, 'the script saw execs of a call out of order')
            assert.equal(child, ranks.get(callId) ?? child, `${callId} changed its rank`)
            ranks.set(callId, child)
          } else {
            const allowed = [...BYSTANDER, ...(fault === undefined ? [] : FAULTS[fault]!)]
            assert.ok(allowed.includes(error.code), `${fault ?? 'route'}: ${error.code}: ${error.message}`)
          }
        })
      })
      await Promise.all(burst)
      await sleep(upTo(4))
    }
  }
  const kill = async () => {
    while (running()) {
      await sleep(200 + upTo(2_000))
      // In `inline`, there is nothing to end except this process.
      if (!running() || isolation === 'inline') continue
      const { pid } = engine.stats().children[0]!
      if (isolation === 'thread') {
        // Any worker: it may run a batch, start a child, or wait for a child.
        await workers[upTo(workers.length)]?.terminate()
      } else if (pid !== null) process.kill(pid, upTo(4) === 0 ? 'SIGSTOP' : 'SIGKILL')
      counts.kills++
    }
  }
  const reload = async () => {
    while (running()) {
      await sleep(100 + upTo(1_000))
      const fails = upTo(3) === 0
      writeFileSync(scriptName, fails ? 'function mod_init() { throw new Error("at random") }' : SCRIPT)
      try {
        await engine.reload()
        counts.reloads++
      } catch (error) {
        const { code } = error as { code: string }
        // The killed pool process may be that of a new generation.
        assert.ok(fails ? code === 'ERR_SIPLET_MOD_INIT' : code === 'ERR_SIPLET_CHILD_LOST', String(error))
        counts.failedReloads++
      }
    }
    writeFileSync(scriptName, SCRIPT)
  }
  const rss = process.memoryUsage.rss()
  await Promise.all([...Array.from({ length: CALLS }, (_, i) => call(`call-${i}`)), kill(), reload()])
  process.off('worker', collect)
  await engine.drain()
  assert.equal(counts.answers, counts.execs)
  for (let i = 0; i < CALLS; i++) await serves(engine, `after-${i}`)
  const { children, rebuilds } = engine.stats()
  assert.deepEqual(
    children.map(({ rank }) => rank),
    Array.from({ length: CHILDREN }, (_, i) => i + 1),
  )
  rmSync(folder, { recursive: true })
  const rows: FigureRow[] = [
    ...Object.entries(counts),
    ...Object.entries(outcomes),
    ...Object.entries(rebuilds).map(([cause, count]): [string, number] => [`rebuilds: ${cause}`, count]),
    ['RSS before, MiB', rss / MIB] as [string, number],
    ['RSS after, MiB', process.memoryUsage.rss() / MIB] as [string, number],
  ].map(([name, count]) => ({ name, count }))
  return { title: `faults, ${isolation}, ${seconds} s, seed ${seed}`, columns: { count: 0 }, rows }
}

/** Returns when the child serves. The child may have been rebuilt just now, and may be in its back-off. */
async function serves(engine: Awaited<ReturnType<typeof createEngine>>, callId: string): Promise<void> {
  const message = new SIPMessage(INVITE)
  message.setHeader('Call-ID', callId)
  for (let attempt = 0; ; attempt++) {
    const { error } = await engine.exec('route', message.toBytes(), { extraArgs: '0' })
    if (error === null) return
    assert.ok(attempt < 100, `${callId} is not served: ${error.message}`)
    await sleep(100)
  }
}

if (import.meta.main) {
  const [seconds = 10, seed = 1] = process.argv.slice(2).map(Number)
  if (!(seconds > 0) || !Number.isInteger(seed)) {
    console.error('usage: npm run faults [seconds] [seed]')
    process.exit(2)
  }
  for (const isolation of ['thread', 'process'] as const) {
    console.log(figuresText(await run(isolation, seconds, seed)))
  }
}

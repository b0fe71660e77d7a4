/**
 * Measures one case of benchmarks/paired.ts with the engine of a checkout: `node paired-case.ts CHECKOUT CASE`.
 * Writes JSON with numbers by unit to stdout.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type * as engineModule from '@siplet/engine'
import { INVITE } from '../../packages/cli/src/bench/invite.ts'
import { poolProcesses, processorTime } from './processor-time.ts'

const [checkout, name] = process.argv.slice(2) as [string, string]
const { createEngine }: typeof engineModule = await import(
  pathToFileURL(join(checkout, 'packages/engine/src/index.ts')).href
)

const MANY = 256
const SAMPLES = 5
/** Processor time of one sample, in microseconds. */
const SAMPLE_US = 60_000

const JAVASCRIPT = `
class Handler {
  child_init() { return 0 }
  route(msg) {
    const { Method: method, RURI: uri } = msg
    if (method === 'INVITE' && msg.getHeader('X-Account').startsWith('gold')) {
      msg.rewrite_ruri('sip:9' + uri.slice(4, uri.indexOf('@')) + '@127.0.0.1:5090')
      msg.set_dst_uri('sip:127.0.0.1:5099')
    }
    return 1
  }
  empty() { return 1 }
  one(msg) { return msg.Method.length }
  three(msg) { return msg.Method.length + msg.RURI.length + msg.getHeader('X-Account').length }
  six(msg) {
    return msg.Method.length + msg.RURI.length + msg.getHeader('X-Account').length +
      msg.CallID.length + msg.FromURI.length + msg.getHeader('User-Agent').length
  }
  lists(msg) { return msg.getHeaders('Via').length + msg.headerNames().length + msg.src_address[1] }
  calls(msg) { return msg.call_function('answer', 1) }
}
function mod_init() { return new Handler() }
`
const PROMISES = `${JAVASCRIPT}
async function unused() {}
`
const PYTHON = `
class Handler:
    def child_init(self, rank):
        return 0

    def route(self, msg):
        if msg.getHeader('User-Agent') == 'friendly-scanner':
            return -1
        msg.rewrite_ruri('sip:bob@192.0.2.5')
        return 1

def mod_init():
    return Handler()
`

type Engine = Awaited<ReturnType<typeof createEngine>>
type Isolation = 'inline' | 'thread' | 'process'
type Result = Record<string, number>

const folder = mkdtempSync(join(tmpdir(), 'siplet-bench-'))

function options(isolation: Isolation, source = JAVASCRIPT) {
  const scriptName = join(folder, source === PYTHON ? 'script.py' : 'script.js')
  writeFileSync(scriptName, source)
  const functions = { answer: (_: unknown, code: unknown) => Number(code) }
  // The time limit must end no exec here, on any machine.
  return { scriptName, isolation, functions, limits: { maxBatch: MANY, timeoutMs: 5_000 } }
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}

/** Returns the processor time of a message in microseconds, from several samples after a warm-up. */
async function perMessage(messages: number, run: () => unknown): Promise<Result> {
  const sample = async (us: number): Promise<number> => {
    const start = processorTime()
    for (let count = 0; ; ) {
      // Reading the clock is expensive if there are pool processes.
      for (const until = count + Math.max(1, Math.round(2_048 / messages)); count < until; count++)
        await run()
      const used = processorTime() - start
      if (used >= us) return used / (count * messages)
    }
  }
  await sample(5 * SAMPLE_US)
  const samples: number[] = []
  for (let i = 0; i < SAMPLES; i++) samples.push(await sample(SAMPLE_US))
  return { 'us/message': median(samples) }
}

/** The same for calls that must not wait for a promise between two messages. */
async function synchronous(method: string, source = JAVASCRIPT): Promise<Result> {
  await using engine = await createEngine(options('inline', source))
  return await perMessage(256, () => {
    for (let i = 0; i < 256; i++) {
      const { error } = engine.execSync(method, INVITE)
      if (error !== null) throw error
    }
  })
}

async function together(isolation: Isolation, source = JAVASCRIPT): Promise<Result> {
  await using engine = await createEngine(options(isolation, source))
  return await perMessage(MANY, () =>
    Promise.all(Array.from({ length: MANY }, () => engine.exec('route', INVITE))),
  )
}

async function alone(isolation: Isolation): Promise<Result> {
  await using engine = await createEngine(options(isolation))
  return await perMessage(1, () => engine.exec('route', INVITE))
}

/** Returns wall time and processor time of something slow, in milliseconds. */
async function slowly(times: number, act: () => Promise<unknown>): Promise<Result> {
  const wall: number[] = []
  const used: number[] = []
  for (let i = 0; i < times; i++) {
    const at = performance.now()
    const before = processorTime()
    await act()
    used.push((processorTime() - before) / 1_000)
    wall.push(performance.now() - at)
  }
  return { ms: median(wall), 'processor ms': median(used) }
}

async function reloads(isolation: Isolation): Promise<Result> {
  await using engine = await createEngine(options(isolation))
  await slowly(2, () => engine.reload())
  return await slowly(isolation === 'process' ? 5 : 15, () => engine.reload())
}

/**
 * Measures the time from nothing to the first answer. The first engine also compiles what later ones share, so it is
 * not counted.
 */
async function start(isolation: Isolation): Promise<Result> {
  const once = async (): Promise<Engine> => {
    const engine = await createEngine(options(isolation))
    await engine.exec('route', INVITE)
    return engine
  }
  await (await once()).close()
  const engines: Engine[] = []
  const result = await slowly(5, async () => engines.push(await once()))
  for (const engine of engines) await engine.close()
  return result
}

/** Measures the time from SIGKILL of the pool process to the next answers of two children. */
async function restart(): Promise<Result> {
  await using engine = await createEngine({ ...options('process'), children: 2, affinity: 'none' })
  const both = () => Promise.all([engine.exec('route', INVITE), engine.exec('route', INVITE)])
  await both()
  const wall: number[] = []
  const used: number[] = []
  for (let i = 0; i < 5; i++) {
    const [pid] = poolProcesses()
    const at = performance.now()
    process.kill(pid!, 'SIGKILL')
    while (poolProcesses().includes(pid!)) await new Promise((resolve) => setTimeout(resolve, 1))
    const before = processorTime()
    // An exec that is blamed for the end of the process has an error, and a poison exec would have one forever.
    const deadline = at + 10_000
    while ((await both()).some(({ error }) => error !== null)) {
      if (performance.now() > deadline) throw new Error('the children do not answer again')
    }
    wall.push(performance.now() - at)
    used.push((processorTime() - before) / 1_000)
  }
  return { ms: median(wall), 'processor ms': median(used) }
}

/**
 * Measures the longest of the first execs of a child, while V8 compiles: milliseconds of processor time and of wall
 * time.
 */
async function longest(): Promise<Result> {
  await using engine = await createEngine(options('inline'))
  let wall = 0
  let used = 0
  for (let i = 0; i < 20_000; i++) {
    const at = performance.now()
    const before = process.threadCpuUsage()
    engine.execSync('route', INVITE)
    const { user, system } = process.threadCpuUsage(before)
    used = Math.max(used, (user + system) / 1_000)
    wall = Math.max(wall, performance.now() - at)
  }
  return { ms: wall, 'processor ms': used }
}

const CASES: Record<string, () => Promise<Result>> = {
  'inline execSync': () => synchronous('route'),
  'inline execSync, empty': () => synchronous('empty'),
  'inline execSync, 1 getter': () => synchronous('one'),
  'inline execSync, 3 getters': () => synchronous('three'),
  'inline execSync, 6 getters': () => synchronous('six'),
  'inline execSync, lists': () => synchronous('lists'),
  'inline execSync, call_function': () => synchronous('calls'),
  'inline execSync, async in its text': () => synchronous('route', PROMISES),
  'inline execSync, Python': () => synchronous('route', PYTHON),
  'inline 256': () => together('inline'),
  'inline 256, async in its text': () => together('inline', PROMISES),
  'thread 256': () => together('thread'),
  'process 256': () => together('process'),
  'thread alone': () => alone('thread'),
  'process alone': () => alone('process'),
  'reload inline': () => reloads('inline'),
  'reload thread': () => reloads('thread'),
  'reload process': () => reloads('process'),
  'start inline': () => start('inline'),
  'start thread': () => start('thread'),
  'start process': () => start('process'),
  'restart process': restart,
  'longest exec': longest,
}

try {
  const result = name === undefined ? Object.keys(CASES) : await CASES[name]!()
  process.stdout.write(JSON.stringify(result))
} finally {
  rmSync(folder, { recursive: true, force: true })
}

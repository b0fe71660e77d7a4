/** Isolation `process`: what the pool process has and may do, as seen by code that escaped from an isolate. */
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { createEngine, type EngineOptions } from '@siplet/engine'
import { PoolProcess } from '../../../packages/engine/src/children/pool-process.ts'
import { handler, scriptFile, withEngine } from '../../support/engine.ts'
import { INVITE, inviteOf } from '../../support/messages.ts'
import { isAlive, until } from '../../support/processes.ts'

const SCRIPT = handler(`
  rankOf() { return this.rank },
  hog() { this.kept = []; for (;;) this.kept.push(new Array(10_000).fill(1)) }`)
const ENGINE = new URL('../../../packages/engine/src/index.ts', import.meta.url).href
const SETPRIV = '/usr/bin/setpriv'

function withPool<T>(options: Partial<EngineOptions>, test: (pid: number) => Promise<T> | T): Promise<T> {
  return withEngine(SCRIPT, { isolation: 'process', ...options }, async (engine) => {
    const { code, error } = await engine.exec('rankOf', INVITE)
    assert.equal(error ?? code, 1)
    return await test(engine.stats().children[0]!.pid!)
  })
}

/** Returns a program with an engine. It prints the pid of its pool process, and `ok` for each line that it reads. */
function embedder(): string {
  return `
    import { createInterface } from 'node:readline'
    import { createEngine } from ${JSON.stringify(ENGINE)}
    process.on('SIGINT', () => console.log('SIGINT'))
    const engine = await createEngine({ scriptName: ${JSON.stringify(scriptFile(SCRIPT))}, isolation: 'process' })
    console.log(engine.stats().children[0].pid)
    for await (const _ of createInterface(process.stdin)) {
      const { error } = await engine.exec('rankOf', ${JSON.stringify(INVITE)})
      console.log(error?.message ?? 'ok', engine.stats().children[0].pid)
    }
    await engine.close()`
}

async function lineOf(lines: AsyncIterator<string>): Promise<string> {
  const { value } = await lines.next()
  return value
}

function linesOf(program: ChildProcess): AsyncIterator<string> {
  return createInterface(program.stdout!)[Symbol.asyncIterator]()
}

describe('the pool process, hardened', () => {
  it('has an empty environment, / as its folder, a process group of its own, and is the first to be killed', async () => {
    await withPool({}, (pid) => {
      const of = (name: string) => readFileSync(`/proc/${pid}/${name}`, 'latin1')
      assert.equal(of('environ'), '')
      assert.equal(readlinkSync(`/proc/${pid}/cwd`), '/')
      assert.equal(of('oom_score_adj'), '1000\n')
      assert.match(of('coredump_filter'), /^0+\n$/)
      assert.match(of('status'), /^Umask:\s+0077$/m)
      assert.equal(of('stat').split(') ')[1]!.split(' ')[2], String(pid))
    })
  })

  it('inherits no descriptor of its embedder, even without O_CLOEXEC', async () => {
    const program = spawn(
      'bash',
      [
        '-c',
        'exec 20</etc/hostname 21<>/dev/null 30< <(sleep 0) && exec "$0" "$@"',
        process.execPath,
        '--input-type=module',
        '-e',
        embedder(),
      ],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    )
    try {
      const pid = Number(await lineOf(linesOf(program)))
      const flags = /^flags:\s+(\d+)/m.exec(readFileSync(`/proc/${program.pid}/fdinfo/20`, 'latin1'))![1]!
      assert.equal(Number.parseInt(flags, 8) & 0o2000000, 0, 'the embedder has one that would be inherited')
      const targets = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
        const target = readlinkSync(`/proc/${pid}/fd/${fd}`)
        return Number(fd) <= 3 || /^(anon_inode|pipe):/.test(target) ? [] : [`${fd} ${target}`]
      })
      assert.deepEqual(targets, [])
      assert.equal(existsSync(`/proc/${pid}/fd/30`), false)
    } finally {
      program.stdin.end()
      await once(program, 'exit')
    }
  }).timeout(30_000)

  it('gives its own JavaScript and its worker threads no files, programs or connections', async () => {
    const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    try {
      await withPool({}, async (pid) => {
        const args = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0').slice(1)
        const options = args.slice(
          0,
          args.findIndex((arg) => !arg.startsWith('-')),
        )
        const probe = PROBE(port, scriptFile(SCRIPT))
        const seen = execFileSync(process.execPath, [...options, '-e', probe], { encoding: 'utf8', env: {} })
        const denied = Object.fromEntries(ATTEMPTS.map((name) => [name, 'ERR_ACCESS_DENIED']))
        assert.deepEqual(JSON.parse(seen), { main: denied, worker: denied })
        // The same without the options, to show that the attempts would otherwise succeed.
        const free = execFileSync(process.execPath, ['-e', probe], { encoding: 'utf8', env: {} })
        const done = Object.fromEntries(ATTEMPTS.map((name) => [name, 'done']))
        assert.deepEqual(JSON.parse(free), { main: done, worker: done })
      })
    } finally {
      server.close()
    }
  }).timeout(30_000)

  it('runs Python and calls functions under these permissions as well', async () => {
    const scriptName = scriptFile(
      'class Handler:\n    def child_init(self, rank):\n        return 0\n    def route(self, msg):\n        return msg.call_function("three")\ndef mod_init():\n    return Handler()\n',
      'handler.py',
    )
    const functions = { three: () => 3 }
    await withEngine('', { scriptName, isolation: 'process', functions }, async (engine) => {
      const { code, error } = await engine.exec('route', INVITE)
      assert.equal(error ?? code, 3)
    })
  }).timeout(30_000)

  it('is not ended by Ctrl-C in the terminal of the embedder; the embedder decides', async () => {
    const program = spawn(process.execPath, ['--input-type=module', '-e', embedder()], {
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true,
    })
    try {
      const lines = linesOf(program)
      const pid = await lineOf(lines)
      process.kill(-program.pid!, 'SIGINT')
      assert.equal(await lineOf(lines), 'SIGINT')
      program.stdin.write('\n')
      assert.equal(await lineOf(lines), `ok ${pid}`)
    } finally {
      program.stdin.end()
      await once(program, 'exit')
    }
  }).timeout(30_000)

  it('can be started by a wrapper command', async function () {
    if (!existsSync(SETPRIV)) {
      console.log(`      ${SETPRIV} of util-linux is not installed`)
      this.skip()
    }
    await withPool({ process: { wrapper: [SETPRIV, '--no-new-privs'] } }, (pid) => {
      assert.match(readFileSync(`/proc/${pid}/status`, 'latin1'), /^NoNewPrivs:\s+1$/m)
    })
  })

  it('reports a wrapper command that does not exist', async () => {
    const options: EngineOptions = {
      scriptName: scriptFile(SCRIPT),
      isolation: 'process',
      process: { wrapper: ['/does/not/exist'] },
    }
    await assert.rejects(createEngine(options), /child 1: spawn \/does\/not\/exist ENOENT/)
  })

  it('is ended by its host if it is too large, even if the process itself does not check', async () => {
    const pool = new PoolProcess({
      code: { host: '', worker: '' },
      heapMb: 32,
      memoryMb: 0.1,
      maxPayload: 65_536,
      permissions: false,
      // A process that only sleeps stands for one whose main thread is stuck.
      wrapper: ['/bin/sh', '-c', 'exec sleep 600'],
    })
    try {
      const end = new Promise<{ reason: string; memory: boolean }>((ended) =>
        pool.listen(1, {
          frame: () => {},
          expects: () => false,
          waitsSince: () => undefined,
          stuck: () => undefined,
          runs: () => false,
          ended,
        }),
      )
      pool.send('START', 1, 0, Buffer.alloc(0))
      pool.busy(1, true)
      const { pid } = pool
      const { reason, memory } = await end
      assert.match(reason, /MiB in memory, limits.processMemoryMb is 0.1$/)
      assert.equal(memory, true)
      await until(() => !isAlive(pid!), 'it is gone')
    } finally {
      await pool.close()
    }
  })

  it('if one exec alone fills it, that exec gets ERR_SIPLET_MEMORY, and is poison the third time', async () => {
    const limits = { memoryMb: 2_048, processMemoryMb: 400, timeoutMs: 60_000 }
    await withEngine(SCRIPT, { isolation: 'process', limits }, async (engine) => {
      const codes: (string | undefined)[] = []
      for (let i = 0; i < 3; i++) {
        const { error } = await engine.exec('hog', INVITE)
        codes.push(error?.code)
        if (i === 0) assert.match(error!.message, /limits.processMemoryMb is 400/)
      }
      assert.deepEqual(codes, ['ERR_SIPLET_MEMORY', 'ERR_SIPLET_MEMORY', 'ERR_SIPLET_POISON'])
      assert.equal((await engine.exec('rankOf', inviteOf('other'))).code, 1)
    })
  }).timeout(60_000)
})

const ATTEMPTS = ['passwd', 'environ', 'script', 'write', 'spawn', 'connect']

function PROBE(port: number, script: string): string {
  const source = `
    const { Worker, isMainThread, parentPort } = require('node:worker_threads')
    const fs = require('node:fs')
    const attempts = {
      passwd: () => fs.readFileSync('/etc/passwd'),
      environ: () => fs.readFileSync('/proc/self/environ'),
      script: () => fs.readFileSync(${JSON.stringify(script)}),
      write: () => fs.appendFileSync(${JSON.stringify(script)}, ''),
      spawn: () => { const { error } = require('node:child_process').spawnSync('/bin/true'); if (error) throw error },
      connect: () => new Promise((resolve, reject) =>
        require('node:net').connect(${port}, '127.0.0.1').once('connect', resolve).once('error', reject)),
    }
    async function run() {
      const seen = {}
      for (const [name, attempt] of Object.entries(attempts)) {
        try { await attempt(); seen[name] = 'done' } catch (error) { seen[name] = error.code ?? String(error) }
      }
      return seen
    }
    async function main() {
      if (!isMainThread) return parentPort.postMessage(await run())
      const worker = new Promise((resolve, reject) =>
        new Worker(source, { eval: true, env: {} }).once('message', resolve).once('error', reject))
      console.log(JSON.stringify({ main: await run(), worker: await worker }))
      process.exit()
    }
    main()`
  // The worker runs the same code.
  return `const source = ${JSON.stringify(source)};${source}`
}

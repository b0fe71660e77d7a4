/**
 * Measures the cost of one script call in Kamailio, in a loop inside Kamailio: CPU time of its processes over many
 * iterations, as counted by the scheduler. `gross` includes the loop's own share, `net` does not. In Kamailio, the
 * message is already parsed and the call crosses no boundary; siplet parses each message and enters an isolate.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { SIPMessage } from '@siplet/sipmsg'
import type { FigureRow, Figures } from '../../../packages/cli/src/bench/figures.ts'
import { INVITE } from '../../../packages/cli/src/bench/invite.ts'

const ITERATIONS = 1_000
const MESSAGES = 30
const ROUNDS = 5
const START_MS = 10_000
const ANSWER_MS = 20_000
/** Debian's default allocator checks everything it does. Nobody should be compared with that. */
const ALLOCATORS = ['-x', 'fm', '-X', 'fm']

export const COLUMNS = { net: 'net µs/call', gross: 'gross µs/call', empty: 'empty method, net' }

interface Module {
  name: string
  script?: string
  /** The modparam for the script, and the function that calls a method of the script. */
  parameter?: string
  call?: string
}

const MODULES: Module[] = [
  { name: 'native configuration' },
  { name: 'app_lua', script: 'script.lua', parameter: 'load', call: 'lua_run' },
  { name: 'app_python3', script: 'script.py', parameter: 'load', call: 'python_exec' },
  { name: 'app_jsdt', script: 'jsdt.js', parameter: 'load', call: 'jsdt_run' },
]

const NATIVE_WORK = `$var(m) = $rm; $var(u) = $ru;
  if ($var(m) == "INVITE" && $hdr(X-Account) =~ "^gold") {
    $ru = "sip:9" + $oU + "@127.0.0.1:5090";
    $du = "sip:127.0.0.1:5099";
  }`

export async function run(): Promise<Figures[]> {
  const rows: FigureRow[] = []
  const notes: string[] = []
  for (const module of MODULES) {
    try {
      rows.push(await measure(module))
    } catch (error) {
      notes.push(`${module.name}: ${(error as Error).message}`)
    }
  }
  return [
    {
      title: 'one script call inside Kamailio',
      columns: { [COLUMNS.net]: 2, [COLUMNS.gross]: 2, [COLUMNS.empty]: 2 },
      rows,
      note: [
        `CPU time, allocator fm (${ALLOCATORS.join(' ')}), message already parsed, no boundary crossed.`,
        ...notes,
      ].join('\n'),
    },
  ]
}

async function measure(module: Module): Promise<FigureRow> {
  await using kamailio = await start(module)
  const reply = new SIPMessage(await kamailio.ask('work', 1))
  const done = [reply.getHeader('X-RU'), reply.getHeader('X-DU')].join(' ')
  if (done !== 'sip:9bob@127.0.0.1:5090 sip:127.0.0.1:5099') throw new Error(`it did something else: ${done}`)
  const cost = async (mode: string) => {
    await kamailio.ask(mode, ITERATIONS)
    const times: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const before = cpuMicroseconds(kamailio.pid)
      for (let i = 0; i < MESSAGES; i++) await kamailio.ask(mode, ITERATIONS)
      times.push((cpuMicroseconds(kamailio.pid) - before) / MESSAGES / ITERATIONS)
    }
    return times.sort((a, b) => a - b)[ROUNDS >> 1]!
  }
  const [empty, noop, work] = [await cost('empty'), await cost('noop'), await cost('work')]
  return {
    name: module.name,
    [COLUMNS.net]: work - empty,
    [COLUMNS.gross]: work,
    [COLUMNS.empty]: noop - empty,
  }
}

interface Kamailio extends AsyncDisposable {
  pid: number
  ask(mode: string, times: number): Promise<Buffer>
}

async function start({ name, script, parameter, call }: Module): Promise<Kamailio> {
  const folder = mkdtempSync(join(tmpdir(), 'siplet-kamailio-'))
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const port = await freePort()
  const path = script === undefined ? '' : fileURLToPath(new URL(script, import.meta.url))
  const load = `loadmodule "${name}.so"\nmodparam("${name}", "${parameter}", "${path}")`
  const config = readFileSync(new URL('./kamailio.cfg', import.meta.url), 'utf8')
    .replace('#PORT#', String(port))
    .replace('#LOAD#', () => (script === undefined ? '' : load))
    .replace('#WORK#', () => (call === undefined ? NATIVE_WORK : `${call}("work");`))
    .replace('#NOOP#', () => (call === undefined ? 'return;' : `${call}("noop");`))
  const file = join(folder, 'kamailio.cfg')
  writeFileSync(file, config)
  const args = ['-DD', '-E', ...ALLOCATORS, '-f', file, '-m', '64', '-M', '32', '-w', folder, '-Y', folder]
  const child = spawn('kamailio', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (data) => {
    said += data
  })
  const stop = async () => {
    socket.close()
    if (child.exitCode === null && child.pid !== undefined) {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    }
    rmSync(folder, { recursive: true })
  }
  try {
    await ready(child, socket, port)
  } catch (error) {
    await stop()
    const reason =
      said.split('\n').findLast((line) => /ERROR|CRITICAL/.test(line)) ?? (error as Error).message
    throw new Error(reason.trim(), { cause: error })
  }
  return {
    pid: child.pid!,
    ask: (mode, times) => ask(socket, port, mode, times, ANSWER_MS),
    [Symbol.asyncDispose]: stop,
  }
}

async function ready(child: ChildProcess, socket: Socket, port: number): Promise<void> {
  let failure: Error | undefined
  child.once('error', (error) => {
    failure = error
  })
  const end = performance.now() + START_MS
  while (performance.now() < end) {
    await setTimeout(100)
    if (failure !== undefined) throw failure
    if (child.exitCode !== null) throw new Error(`kamailio ended with ${child.exitCode}`)
    const answer = await ask(socket, port, 'empty', 1, 500).catch(() => undefined)
    if (answer !== undefined) return
  }
  throw new Error(`kamailio did not answer within ${START_MS} ms`)
}

async function ask(socket: Socket, port: number, mode: string, times: number, ms: number): Promise<Buffer> {
  const message = new SIPMessage(INVITE)
  message.setHeader('X-Mode', mode)
  message.setHeader('X-N', String(times))
  message.setHeader(
    'Via',
    `SIP/2.0/UDP 127.0.0.1:${socket.address().port};branch=z9hG4bK${performance.now()}`,
  )
  const answered = once(socket, 'message', { signal: AbortSignal.timeout(ms) })
  socket.send(message.toBytes(), port, '127.0.0.1')
  return (await answered)[0]
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  return port
}

/** Returns the CPU time of a process and its forked children. */
function cpuMicroseconds(pid: number): number {
  if (!existsSync('/proc/self/schedstat'))
    throw new Error('this system does not count CPU time in /proc/*/schedstat')
  let nanoseconds = 0
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const parent = Number(readFileSync(`/proc/${name}/stat`, 'latin1').split(') ')[1]!.split(' ')[1])
      if (Number(name) !== pid && parent !== pid) continue
      nanoseconds += Number(readFileSync(`/proc/${name}/schedstat`, 'latin1').split(' ')[0])
    } catch {
      // The process ended meanwhile.
    }
  }
  return nanoseconds / 1_000
}

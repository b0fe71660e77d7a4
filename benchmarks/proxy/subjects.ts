/** The proxies that are compared. All have the same routing, and each runs as a separate process. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export interface Running extends AsyncDisposable {
  readonly pid: number
  readonly port: number
  /** User and system time of all its processes since their start, in microseconds. */
  cpu(): number
}

export interface Ports {
  /** Port at which the proxy listens. */
  proxy: number
  /** Port to which requests are relayed. */
  backend: number
}

export interface Subject {
  name: string
  /** Returns null if it is not installed. */
  start(ports: Ports): Promise<Running | null>
}

const PYTHON = `import KSR as KSR
def mod_init():
    return kamailio()
class kamailio:
    def child_init(self, rank):
        return 0
    def route(self, msg):
        if KSR.pv.get("$rm") == "REGISTER":
            return -1
        KSR.pv.sets("$du", "sip:127.0.0.1:#BACKEND#")
        return 1
`

const SIPLET = `export function mod_init() {
  return {
    child_init: () => 0,
    request_route(msg) {
      if (msg.Method === 'REGISTER') return 0
      msg.set_dst_uri('sip:127.0.0.1:#BACKEND#')
      return 1
    },
  }
}
`

/** The same, but relaying by a function call, as OpenSIPS scripts do. */
const SIPLET_CALLING = SIPLET.replace('return 1', "return msg.call_function('t_relay')")

export const SUBJECTS: Subject[] = [
  kamailio('Kamailio, native', '$du = "sip:127.0.0.1:#BACKEND#";'),
  kamailio('Kamailio, app_python3', 'if (!python_exec("route")) { exit; }', PYTHON),
  relay('no proxy: a relay in Node'),
  siplet('siplet, inline', 'inline', SIPLET),
  siplet('siplet, inline, t_relay called', 'inline', SIPLET_CALLING),
  siplet('siplet, thread', 'thread', SIPLET),
  siplet('siplet, thread, t_relay called', 'thread', SIPLET_CALLING),
  siplet('siplet, process', 'process', SIPLET),
]

const CLI = fileURLToPath(new URL('../../packages/cli/bin/siplet.js', import.meta.url))

export function siplet(name: string, isolation: string, script: string, more: object = {}): Subject {
  return {
    name,
    start: ({ proxy, backend }) => {
      const folder = mkdtempSync(join(tmpdir(), 'siplet-proxy-'))
      writeFileSync(join(folder, 'router.js'), script.replaceAll('#BACKEND#', String(backend)))
      const config = {
        listen: [`udp:127.0.0.1:${proxy}`],
        script: { file: 'router.js', isolation },
        drainTimeoutMs: 1,
        logLevel: 'error',
        ...more,
      }
      writeFileSync(join(folder, 'proxy.json'), JSON.stringify(config))
      return started(
        spawn(process.execPath, [CLI, 'serve', join(folder, 'proxy.json')], { stdio: 'ignore' }),
        proxy,
        folder,
      )
    },
  }
}

function kamailio(name: string, work: string, python?: string): Subject {
  return {
    name,
    start: async ({ proxy, backend }) => {
      const folder = mkdtempSync(join(tmpdir(), 'siplet-proxy-'))
      const script = join(folder, 'route.py')
      if (python !== undefined) writeFileSync(script, python.replaceAll('#BACKEND#', String(backend)))
      const load = `loadmodule "app_python3.so"\nmodparam("app_python3", "load", "${script}")`
      const config = readFileSync(new URL('./kamailio.cfg', import.meta.url), 'utf8')
        .replace('#PORT#', String(proxy))
        .replace('#LOAD#', () => (python === undefined ? '' : load))
        .replace('#WORK#', () => work.replaceAll('#BACKEND#', String(backend)))
      writeFileSync(join(folder, 'kamailio.cfg'), config)
      const args = [
        '-DD',
        '-E',
        '-x',
        'fm',
        '-X',
        'fm',
        '-f',
        join(folder, 'kamailio.cfg'),
        '-m',
        '256',
        '-M',
        '64',
      ]
      const child = spawn('kamailio', [...args, '-w', folder, '-Y', folder], { stdio: 'ignore' })
      return await started(child, proxy, folder)
    },
  }
}

/** The cost of receiving and sending alone, in a Node process. */
function relay(name: string): Subject {
  return {
    name,
    start: async ({ proxy, backend }) => {
      const folder = mkdtempSync(join(tmpdir(), 'siplet-proxy-'))
      const script = fileURLToPath(new URL('./relay.js', import.meta.url))
      const args = [script, String(proxy), String(backend)]
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
      // The relay answers nothing itself.
      const listening = once(child.stdout!, 'data').then(() => true)
      return await started(child, proxy, folder, () => listening)
    },
  }
}

/** Waits until the process answers an OPTIONS, or is ready in another way. Returns null if it ends before that. */
async function started(
  child: ChildProcess,
  port: number,
  folder: string,
  ready: (port: number) => Promise<boolean> = answers,
): Promise<Running | null> {
  let ended = false
  child.once('error', () => {
    ended = true
  })
  child.once('exit', () => {
    ended = true
  })
  const stop = async () => {
    if (!ended) {
      const exit = once(child, 'exit')
      child.kill('SIGTERM')
      await exit
    }
    rmSync(folder, { recursive: true, force: true })
  }
  while (!ended && !(await ready(port))) await delay(50)
  if (ended) {
    await stop()
    return null
  }
  return { pid: child.pid!, port, cpu: () => cpuMicroseconds(child.pid!), [Symbol.asyncDispose]: stop }
}

/** Returns whether somebody answers there: every proxy answers a request with Max-Forwards 0. */
async function answers(port: number): Promise<boolean> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const own = socket.address().port
  const probe = [
    'OPTIONS sip:probe@127.0.0.1 SIP/2.0',
    `Via: SIP/2.0/UDP 127.0.0.1:${own};branch=z9hG4bK-probe-${performance.now()}`,
    'Max-Forwards: 0',
    'From: <sip:probe@127.0.0.1>;tag=1',
    'To: <sip:probe@127.0.0.1>',
    `Call-ID: probe-${performance.now()}`,
    'CSeq: 1 OPTIONS',
    'Content-Length: 0',
    '\r\n',
  ].join('\r\n')
  socket.send(probe, port, '127.0.0.1')
  const answered = await Promise.race([once(socket, 'message').then(() => true), delay(200, false)])
  socket.close()
  return answered
}

const TICK_US = 10_000

/** Returns the CPU time of a process, its threads and its children. */
function cpuMicroseconds(pid: number): number {
  const task = `/proc/${pid}/task`
  if (!existsSync(task)) return 0
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const own = (Number(fields[11]) + Number(fields[12])) * TICK_US
  const children = readdirSync(task).flatMap((thread) => {
    const file = `${task}/${thread}/children`
    return existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ').filter(Boolean) : []
  })
  return children.reduce((sum, child) => sum + cpuMicroseconds(Number(child)), own)
}

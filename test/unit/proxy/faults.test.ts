/**
 * Throws an exception at every asynchronous boundary of the proxy, before and after the work there. Each time, the
 * process continues, waiting clients get an answer, nothing is left after all timers, and the next call works.
 */
import assert from 'node:assert/strict'
import type { Socket as DatagramSocket } from 'node:dgram'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type EventEmitter, once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { connect as connectTLS } from 'node:tls'
import { BOUNDARIES, type Boundary, type Records } from '@siplet/proxy'
import type { SIPMessage } from '@siplet/sipmsg'
import { WebSocket } from 'ws'
import { assertAllZero } from '../../support/all-zero.ts'
import { certificate } from '../../support/certificate.ts'
import { ISOLATIONS } from '../../support/engine.ts'
import { Lab } from '../../support/sip-peer.ts'

const SCRIPT = `
  request_route(msg) {
    if (msg.RURI.startsWith('sip:forward@')) { msg.call_function('forward'); return 1 }
    msg.call_function('t_on_branch', 'branch')
    msg.call_function('t_on_reply', 'replies')
    msg.call_function('t_on_failure', 'failed')
    return msg.call_function('t_relay')
  },
  branch() { return 1 },
  replies() { return 1 },
  failed() { return 1 }`

const records: Records = {
  naptr: async () => [],
  srv: async () => [],
  async addresses(name) {
    if (name === 'good.test') return ['127.0.0.1']
    throw new Error('DNS is down')
  },
}

type Listening = Server | DatagramSocket

const STEP_MS = 4_000
const MOST_STEPS = 200

class Bench {
  readonly lab: Lab
  /** The sockets of the proxy, as Node reports them. */
  readonly listening: readonly Listening[]

  constructor(lab: Lab, listening: readonly Listening[]) {
    this.lab = lab
    this.listening = listening
  }

  port(transport: string): number {
    return this.lab.proxy.listening.find((socket) => socket.transport === transport)!.port
  }

  async turn(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 2))
  }

  async until(what: string, is: () => boolean): Promise<void> {
    for (const end = performance.now() + 10_000; !is(); ) {
      assert.ok(performance.now() < end, `${what} did not come: ${JSON.stringify(this.lab.proxy.load)}`)
      await this.turn()
    }
  }

  /** Makes a call and sends it again as time passes, until it has a final reply. Returns the status. */
  async call(
    method: string,
    uri: string,
    replies: readonly number[],
    more: (request: SIPMessage) => void = () => {},
    connectTurns = 500,
  ): Promise<number> {
    const { lab } = this
    const [server, client] = [lab.servers[0]!, lab.client]
    server.answer = (request) => {
      if (request.method === 'CANCEL' || request.method === 'BYE') server.reply(request, 200)
      if (request.method === method) for (const status of replies) server.reply(request, status)
    }
    const request = lab.request(method, { uri })
    const branch = request.topVia!.branch
    const isFinal = (message: SIPMessage) =>
      message.status! >= 200 && message.topVia?.branch === branch && message.cseqMethod === method
    for (let step = 0; step < MOST_STEPS; step++) {
      // Connections take real time: no timer may be faster.
      const waits = () => lab.proxy.load.scripts > 0
      const connects = (turn: number) => step === 0 && turn < connectTurns && lab.proxy.load.connections > 0
      for (let turn = 0; turn < 4 || waits() || connects(turn); turn++) await this.turn()
      const final = client.received.find(isFinal)
      if (final !== undefined) {
        if (method === 'INVITE') lab.follow('ACK', request, final.getHeader('To')!)
        return final.status!
      }
      more(request)
      lab.clock.advance(STEP_MS)
      lab.resend(request)
    }
    return assert.fail(`no final reply to ${method} ${uri}; ${client.summary()}`)
  }

  async plain(): Promise<void> {
    await this.call('INVITE', this.lab.servers[0]!.uri, [180, 200])
  }

  /** Sends an OPTIONS over a stream. Resolves when it is answered, or when the connection is closed. */
  async overStream(socket: Socket): Promise<void> {
    const server = this.lab.servers[0]!
    server.answer = (request) => server.reply(request, 200)
    const text = `OPTIONS ${server.uri} SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK-${Math.random()}\r\nMax-Forwards: 70\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID: ${Math.random()}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n`
    const ended = heard(socket, 'data', 'close')
    socket.on('error', () => {})
    socket.write(text)
    await this.passing(ended)
    socket.destroy()
  }

  /** Advances the clock in small steps until the promise resolves. */
  async passing<T>(what: Promise<T>): Promise<T> {
    let come = false
    what.then(() => {
      come = true
    })
    for (let step = 0; !come && step < 2_000; step++) {
      await this.turn()
      if (step % 20 === 19) this.lab.clock.advance(1_000)
    }
    assert.ok(come, 'neither an answer nor the end')
    return await what
  }
}

/** Resolves with the first of these events. */
function heard(emitter: EventEmitter, ...events: string[]): Promise<unknown> {
  return Promise.race(events.map((event) => new Promise((resolve) => emitter.once(event, resolve))))
}

async function serverOf(serve: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => serve(socket.on('error', () => {}))).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: (server.address() as { port: number }).port }
}

const plain = (bench: Bench) => bench.plain()
/** Nobody listens on port 1. The call waits for the refusal, however busy the machine is: no timer may be faster. */
const refused = async (bench: Bench) =>
  void (await bench.call('INVITE', 'sip:127.0.0.1:1;transport=tcp', [], undefined, Number.POSITIVE_INFINITY))
const silent = async (bench: Bench) => void (await bench.call('INVITE', bench.lab.servers[0]!.uri, []))
const overTCP = (bench: Bench) => bench.overStream(connect(bench.port('tcp'), '127.0.0.1'))
const overTLS = (bench: Bench) =>
  bench.overStream(connectTLS({ port: bench.port('tls'), host: '127.0.0.1', rejectUnauthorized: false }))
const forwarded = (host: string) => async (bench: Bench) => {
  bench.lab.request('OPTIONS', { uri: `sip:forward@${host}:${bench.lab.servers[0]!.port}` })
  for (let turn = 0; turn < 10 || bench.lab.proxy.load.scripts > 0; turn++) await bench.turn()
}
const overWebSocket = async (bench: Bench, act?: (raw: Socket) => void) => {
  const server = bench.lab.servers[0]!
  server.answer = (request) => server.reply(request, 200)
  const socket = new WebSocket(`ws://127.0.0.1:${bench.port('ws')}`, 'sip')
  const ended = heard(socket, 'close', 'message')
  let raw: Socket | undefined
  socket.on('error', () => {})
  socket.on('upgrade', (response) => {
    raw = response.socket
  })
  socket.on('open', () => {
    if (act !== undefined) act(raw!)
    else socket.send(optionsTo(server.uri))
  })
  await bench.passing(ended)
  socket.terminate()
}
const optionsTo = (uri: string) =>
  `OPTIONS ${uri} SIP/2.0\r\nVia: SIP/2.0/WS x.invalid;branch=z9hG4bK-${Math.random()}\r\nMax-Forwards: 70\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID: ${Math.random()}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n`
const broken = (bench: Bench) => {
  for (const socket of bench.listening) socket.emit('error', new Error('too many open files'))
  return bench.plain()
}

/** A scenario that crosses each boundary. A boundary without a scenario does not compile. */
const SCENARIOS: Record<Boundary, (bench: Bench) => Promise<void>> = {
  datagram: plain,
  'datagram-sent': plain,
  'udp-error': broken,
  connection: overTCP,
  'handshake-done': overTLS,
  async 'handshake-failed'(bench) {
    const socket = connect(bench.port('tls'), '127.0.0.1').on('error', () => {})
    const closed = heard(socket, 'close')
    socket.resume().write('this is no TLS\r\n\r\n')
    await bench.passing(closed)
  },
  async 'handshake-timer'(bench) {
    const socket = connect(bench.port('tls'), '127.0.0.1').on('error', () => {})
    const closed = heard(socket, 'close')
    await bench.until('the connection', () => bench.lab.proxy.load.handshakes === 1)
    bench.lab.clock.advance(4_000)
    await closed
  },
  'connection-closed': overTCP,
  'stream-data': overTCP,
  'stream-error': refused,
  'stream-closed': overTCP,
  'stream-written': overTCP,
  'send-failed': refused,
  async connected(bench) {
    const { server, port } = await serverOf((socket) => socket.resume())
    await bench.call('OPTIONS', `sip:127.0.0.1:${port};transport=tcp`, [])
    server.close()
  },
  async 'connect-timer'(bench) {
    const { server, port } = await serverOf((socket) => socket.resume())
    await bench.call('INVITE', `sip:127.0.0.1:${port};transport=tls`, [])
    server.close()
  },
  'server-error': broken,
  upgrade: overWebSocket,
  async 'upgrade-refused'(bench) {
    await fetch(`http://127.0.0.1:${bench.port('ws')}/`, { headers: { connection: 'close' } }).catch(() => {})
  },
  websocket: overWebSocket,
  'websocket-data': overWebSocket,
  'websocket-error': (bench) => overWebSocket(bench, (raw) => raw.write(Buffer.from([0xff, 0xff, 0, 0]))),
  'websocket-closed': overWebSocket,
  async 'message-timer'(bench) {
    const socket = connect(bench.port('tcp'), '127.0.0.1').on('error', () => {})
    const closed = heard(socket.resume(), 'close')
    socket.write('O')
    await bench.until('its timers', () => bench.lab.clock.running >= 2)
    bench.lab.clock.advance(10_000)
    await closed
  },
  async 'idle-timer'(bench) {
    const socket = connect(bench.port('tcp'), '127.0.0.1').on('error', () => {})
    const closed = heard(socket.resume(), 'close')
    await bench.until('the connection', () => bench.lab.proxy.load.connections === 1)
    bench.lab.clock.advance(300_000)
    await closed
  },
  request: plain,
  reply: plain,
  async cancel(bench) {
    let sent = false
    const cancel = (invite: SIPMessage) => {
      if (!sent) bench.lab.follow('CANCEL', invite)
      sent = true
    }
    await bench.call('INVITE', bench.lab.servers[0]!.uri, [180], cancel)
  },
  'transaction-timer': silent,
  'client-transaction': plain,
  'client-reply': plain,
  'client-timeout': silent,
  'client-failure': refused,
  'branch-start': plain,
  'branch-timer': async (bench) => void (await bench.call('INVITE', bench.lab.servers[0]!.uri, [180])),
  'dns-answered': async (bench) =>
    void (await bench.call('INVITE', `sip:x@good.test:${bench.lab.servers[0]!.port}`, [200])),
  'dns-failed': async (bench) => void (await bench.call('INVITE', 'sip:x@bad.test:5060', [])),
  'forward-dns-answered': forwarded('good.test'),
  'forward-dns-failed': forwarded('bad.test'),
  'request-route': plain,
  'branch-route': plain,
  'reply-route': plain,
  'failure-route': async (bench) => void (await bench.call('INVITE', bench.lab.servers[0]!.uri, [486])),
  'http-request': async (bench) => {
    await fetch(`http://${bench.lab.proxy.http}/health`, { headers: { connection: 'close' } }).catch(() => {})
  },
}

for (const isolation of ISOLATIONS) {
  describe(`a fault at every boundary, isolation ${isolation}`, function () {
    this.timeout(120_000)
    let bench: Bench
    let pem: ReturnType<typeof certificate>
    let faulty: { at: Boundary; phase: 'before' | 'after' } | undefined
    let hit = false

    before(async () => {
      pem = certificate()
      const opened: Listening[] = []
      const seeServer = (message: unknown) => opened.push((message as { server: Server }).server)
      const seeSocket = (message: unknown) => opened.push((message as { socket: DatagramSocket }).socket)
      subscribe('tracing:net.server.listen:asyncStart', seeServer)
      subscribe('udp.socket', seeSocket)
      const lab = await Lab.open(
        SCRIPT,
        {
          isolation,
          listen: ['udp:127.0.0.1:0', 'tcp:127.0.0.1:0', 'tls:127.0.0.1:0', 'ws:127.0.0.1:0'],
          tls: { key: pem.key, cert: pem.cert },
          http: '127.0.0.1:0',
          timeoutMs: 10_000,
        },
        {
          records,
          injectFault(at, phase) {
            if (faulty?.at !== at || faulty.phase !== phase) return
            faulty = undefined
            hit = true
            throw new Error(`injected ${phase} ${at}`)
          },
        },
      )
      unsubscribe('tracing:net.server.listen:asyncStart', seeServer)
      unsubscribe('udp.socket', seeSocket)
      const ports = [
        ...lab.proxy.listening.map(({ port }) => port),
        Number(lab.proxy.http!.split(':').at(-1)),
      ]
      const ours = opened.filter((socket) => ports.includes((socket.address() as { port: number }).port))
      assert.equal(ours.length, 5)
      bench = new Bench(lab, ours)
    })
    after(async () => {
      await bench.lab[Symbol.asyncDispose]()
      pem[Symbol.dispose]()
    })

    for (const at of BOUNDARIES) {
      for (const phase of ['before', 'after'] as const) {
        it(`${phase} ${at}`, async () => {
          const { lab } = bench
          hit = false
          faulty = { at, phase }
          await SCENARIOS[at](bench)
          await assertAllZero(lab.proxy, lab.clock)
          assert.ok(hit, 'the scenario leads over the boundary')
          const fault = lab.log.records.find(({ fields }) => fields.at === at)
          assert.match(fault!.message, new RegExp(`^fault at ${at}: injected ${phase} ${at}$`))
          lab.log.records.length = 0
          assert.equal(await bench.call('INVITE', lab.servers[0]!.uri, [200]), 200, 'the next call works')
          await assertAllZero(lab.proxy, lab.clock)
          lab.client.received.length = 0
        })
      }
    }
  })
}

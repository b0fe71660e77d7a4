/**
 * Sends mutated messages into a running proxy:
 * `node test/fuzz/proxy.ts [--runs N] [--seed S] [--isolation inline]`. Requests, their retransmissions, CANCELs
 * and ACKs, and replies that match branches of the proxy arrive over a transport in memory, and a manual clock advances
 * time. So a run of a seed in isolation `inline` is always the same. Exits with 1 if the proxy has a fault, if a call
 * is not answered, or if anything is left after all timers.
 */
import assert from 'node:assert/strict'
import { parseArgs } from 'node:util'
import {
  createProxy,
  type Flow,
  type Receiver,
  type Records,
  type Target,
  type Transport,
} from '@siplet/proxy'
import { frameOf, reply, SIPMessage } from '@siplet/sipmsg'
import { assertAllZero, scriptsIdle } from '../support/all-zero.ts'
import { scriptFile } from '../support/engine.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { mutate } from './mutate.ts'
import { randomOf } from './random.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    isolation: { type: 'string', default: 'inline' },
  },
})
const [runs, seed] = [Number(values.runs), Number(values.seed)]
const isolation = values.isolation as 'inline' | 'thread' | 'process'

const random = randomOf(seed, 0)
const oneOf = <T>(list: readonly T[]): T => list[random(list.length - 1)]!

/**
 * The user part of the Request-URI selects what the script does. X-Call and X-Args select the functions and their
 * arguments.
 */
const SCRIPT = `
const A = 'sip:192.0.2.10', B = 'sip:192.0.2.11:5070'
const HEADERS = ['Via', 'From', 'To', 'Call-ID', 'CSeq', 'Max-Forwards', 'Route', 'Contact', 'Content-Type']
function act(msg) {
  const name = msg.getHeader('X-Call')
  if (name === null) return
  const args = (msg.getHeader('X-Args') ?? '').split('|').filter((text) => text !== '')
  try { msg.call_function(name, ...args) } catch {}
}
function mod_init() { return {
  child_init() { return 0 },
  request_route(msg) {
    const call = (...all) => msg.call_function(...all)
    act(msg)
    switch (/^sips?:([a-z]*)/.exec(msg.RURI)?.[1]) {
      case 'fork': msg.rewrite_ruri(A); call('append_branch', B); call('t_on_branch', 'branch'); return call('t_relay')
      case 'again': call('t_on_failure', 'again'); msg.set_dst_uri(A); return call('t_relay')
      case 'once': call('t_on_failure', 'once'); msg.set_dst_uri(A); return call('t_relay')
      case 'replies': call('t_on_reply', 'replies'); msg.set_dst_uri(A); return 1
      case 'record': call('record_route', 'ftag=a'); msg.set_dst_uri(B); return 1
      case 'provisional': call('t_reply', 183, 'Wait'); return 0
      case 'refuse': call('t_reply', 486, 'Busy'); return 0
      case 'stateless': call('sl_send_reply', 404, 'No'); return 0
      case 'forward': return call('forward', '192.0.2.12:5060')
      case 'named': msg.set_dst_uri('sip:good.test'); return 1
      case 'nowhere': msg.set_dst_uri('sip:bad.test'); return 1
      case 'never': msg.set_dst_uri('sip:never.test'); return 1
      case 'stream': msg.set_dst_uri(A + ';transport=tcp'); return 1
      case 'edit': msg.removeHeader(HEADERS[(msg.CallID ?? '').length % HEADERS.length]); msg.set_dst_uri(A); return 1
      case 'body': msg.setBody('text \\u00e9', 'text/plain'); msg.set_dst_uri(A); return 1
      case 'throw': throw new Error('oh')
      case 'drop': return call('drop')
      case 'relay': return 1
      default: msg.set_dst_uri(A); return 1
    }
  },
  branch(msg) { act(msg); return msg.RURI.length % 3 === 0 ? msg.call_function('drop') : 1 },
  replies(msg) {
    act(msg)
    if (msg.Status === '183') return msg.call_function('drop')
    if (msg.Status === '500') throw new Error('oh')
    msg.removeHeader('Server')
    msg.appendHeader('X-Seen', msg.Status)
    return 1
  },
  once(msg) {
    act(msg)
    if (msg.call_function('t_check_status', '4[0-9][0-9]') > 0) msg.call_function('t_reply', 180, 'Again')
    return 1
  },
  again(msg) {
    act(msg)
    msg.call_function('t_on_failure', 'again')
    msg.set_dst_uri(B)
    msg.call_function('append_branch')
    return msg.call_function('t_relay')
  },
} }`

const USERS =
  'fork again once replies record provisional refuse stateless forward named nowhere never stream edit body throw drop relay plain'.split(
    ' ',
  )
const METHODS =
  'INVITE INVITE INVITE INVITE OPTIONS MESSAGE REGISTER BYE ACK CANCEL SUBSCRIBE NOTIFY PRACK UPDATE INFO REFER PUBLISH X-ODD'.split(
    ' ',
  )
const FUNCTIONS =
  't_relay forward append_branch t_reply sl_send_reply t_on_failure t_on_branch t_on_reply t_check_status record_route loose_route drop append_hf remove_hf is_myself mf_process_maxfwd_header xlog has_totag check_route_param route_params'.split(
    ' ',
  )
const ARGUMENTS = [
  '',
  '0',
  '-1',
  '200',
  '486',
  '99999',
  'a=b@c:99999',
  'sip:x@192.0.2.9:99999',
  'sip:x@[::1%lo]',
  'sip:0.0.0.0:0',
  'udp:255.255.255.255:5060',
  'Via',
  'X: y',
  'again',
  '(|)(|)(|)',
  '\xff\xfe',
  'x'.repeat(5_000),
]
const STATUSES = [
  100, 180, 183, 199, 200, 200, 202, 300, 302, 401, 407, 404, 408, 420, 481, 486, 487, 500, 503, 603, 699,
]
const HEADERS = [
  'WWW-Authenticate: Digest realm="a", nonce="1"',
  'Proxy-Authenticate: Digest realm="\0"',
  'Retry-After: 99999999999999999999',
  'Record-Route: <sip:192.0.2.1;lr>',
  'Route: <sip:192.0.2.1;lr>',
  'Route: <sip:192.0.2.77>, <sip:192.0.2.78;lr>',
  'Content-Type: a/b\0',
  'Contact: <sip:x@192.0.2.5>;q=\xff',
  'Proxy-Require: x',
  'Max-Forwards: 0',
  'Supported: path',
  'Server: x',
]

const records: Records = {
  naptr: async () => [],
  srv: async () => [],
  addresses(name) {
    if (name === 'good.test') return Promise.resolve(['192.0.2.20', '192.0.2.21'])
    return name === 'bad.test' ? Promise.reject(new Error('DNS is down')) : new Promise(() => {})
  },
}

/** UDP without sockets. Keeps what the proxy sends. */
class MemoryTransport implements Transport {
  readonly name = 'udp'
  readonly local: [string, number] = ['192.0.2.1', 5060]
  readonly sentBy = '192.0.2.1:5060'
  readonly family = 4
  readonly connections = 0
  readonly handshakes = 0
  readonly sent: SIPMessage[] = []
  readonly #receiver: Receiver

  constructor(receiver: Receiver) {
    this.#receiver = receiver
  }

  flowTo({ ip, port }: Target): Flow {
    const { local, sentBy } = this
    const send: Flow['send'] = (text, failed) => {
      if (text.length > 65_507) failed(new Error('EMSGSIZE') as never)
      else this.sent.push(new SIPMessage(text))
    }
    return { transport: 'udp', local, sentBy, remote: [ip, port], open: true, send }
  }

  openFlow(target: Target): Flow {
    return this.flowTo(target)
  }

  receive(bytes: Uint8Array, ip: string, port: number): void {
    const frame = frameOf(bytes)
    if (frame.type === 'message')
      this.#receiver.message(frame.message, this.flowTo({ transport: 'udp', ip, port }))
    else if (frame.type === 'error') this.#receiver.dropped('not-sip', [ip, port])
  }

  async close(): Promise<void> {}
}

const clock = new ManualClock()
const faults: { message: string; stack: string | undefined }[] = []
const quiet = () => {}
const logger = {
  debug: quiet,
  info: quiet,
  warn: quiet,
  fatal: quiet,
  error(fields: { at?: string; stack?: string }, message: string) {
    if (fields.at !== undefined) faults.push({ message, stack: fields.stack })
  },
}
let transport!: MemoryTransport
const proxy = await createProxy(
  {
    listen: ['udp:192.0.2.1:5060'],
    script: {
      file: scriptFile(SCRIPT),
      isolation,
      children: isolation === 'inline' ? 1 : 2,
      timeoutMs: 20_000,
    },
    drainTimeoutMs: 1,
  },
  {
    clock,
    records,
    logger,
    openTransport: async (_address, receiver) => {
      transport = new MemoryTransport(receiver)
      return transport
    },
  },
)

const RECENT = 60
/** Requests that were sent, and requests of the proxy that may be answered. */
const requests: string[] = []
const relayed: SIPMessage[] = []
let calls = 0

function fresh(): string {
  const [method, number] = [oneOf(METHODS), ++calls]
  const lines = [
    `${method} sip:${oneOf(USERS)}@example.net SIP/2.0`,
    `Via: SIP/2.0/UDP 192.0.2.${50 + random(3)}:5060;branch=z9hG4bK-${number}${oneOf(['', ';rport', ';received=1.2.3.4'])}`,
    `Max-Forwards: ${oneOf([70, 70, 1])}`,
    'From: <sip:a@example.com>;tag=a1',
    `To: <sip:b@example.net>${oneOf(['', '', ';tag=b1'])}`,
    `Call-ID: ${number}-${'x'.repeat(random(9))}@example.com`,
    `CSeq: ${oneOf([1, 7, 2_147_483_647])} ${method}`,
  ]
  for (let count = random(2); count > 0; count--) lines.push(oneOf(HEADERS))
  if (random(3) === 0) {
    const args = Array.from({ length: random(3) }, () => oneOf(ARGUMENTS))
    lines.push(`X-Call: ${oneOf(FUNCTIONS)}`, `X-Args: ${args.join('|')}`)
  }
  const body = oneOf(['', '', 'v=0\r\n', '\0\xff'])
  if (random(4) !== 0) lines.push(`Content-Length: ${body.length}`)
  const text = `${lines.join('\r\n')}\r\n\r\n${body}`
  remember(requests, text)
  return text
}

/** Returns an earlier request, or its CANCEL or ACK. */
function following(): string {
  const text = requests.length === 0 ? fresh() : oneOf(requests)
  const method = oneOf(['', 'ACK', 'CANCEL'])
  return method === '' ? text : text.replace(/^[\w-]+/, method).replace(/^(CSeq: \d+) \S+/m, `$1 ${method}`)
}

function answer(): string {
  if (relayed.length === 0) return fresh()
  const message = oneOf(relayed)
  if (message.method === 'ACK') return fresh()
  try {
    const text = reply(message, oneOf(STATUSES), { toTag: `t${random(3)}` }).text
    const extra = Array.from({ length: random(2) }, () => `${oneOf(HEADERS)}\r\n`).join('')
    return text.replace('Content-Length:', `${extra}Content-Length:`)
  } catch {
    return fresh()
  }
}

function remember<T>(list: T[], item: T): void {
  if (list.length < RECENT) list.push(item)
  else list[random(RECENT - 1)] = item
}

/** Takes what the proxy has sent since the last call. Its requests may be answered. */
function take(): void {
  for (const message of transport.sent) if (message.isRequest) remember(relayed, message)
  transport.sent.length = 0
}

/** Makes a valid call, which checks that the proxy still serves. */
async function plainCall(): Promise<void> {
  transport.sent.length = 0
  const branch = `z9hG4bK-plain-${++calls}`
  const text = `OPTIONS sip:plain@example.net SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.50:5060;branch=${branch}\r\nMax-Forwards: 70\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID: ${branch}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n`
  transport.receive(Buffer.from(text), '192.0.2.50', 5060)
  await scriptsIdle(proxy)
  const request = transport.sent.find(({ method }) => method === 'OPTIONS')
  assert.ok(request, 'a plain request is not relayed any more')
  transport.receive(reply(request, 200).toBytes(), '192.0.2.10', 5060)
  await scriptsIdle(proxy)
  assert.ok(
    transport.sent.some(({ status }) => status === 200),
    'a plain request is not answered any more',
  )
  transport.sent.length = 0
}

async function allThrough(): Promise<void> {
  await scriptsIdle(proxy)
  requests.length = relayed.length = 0
  await assertAllZero(proxy, clock)
  await plainCall()
  await assertAllZero(proxy, clock)
}

const BATCH = 50
const ROUND = 10_000
console.log(`${runs} messages, seed ${seed}, isolation ${isolation}`)
const begin = performance.now()
let slowest = { milliseconds: 0, run: -1 }
for (let run = 0; run < runs; run++) {
  const kind = random(9)
  const text = kind < 3 ? fresh() : kind < 5 ? following() : answer()
  const valid = Buffer.from(text, 'latin1')
  const bytes = random(2) === 0 ? valid : mutate([valid], random)
  const start = performance.now()
  transport.receive(bytes, kind < 5 ? `192.0.2.${50 + random(3)}` : '192.0.2.10', 5060)
  const milliseconds = performance.now() - start
  if (milliseconds > slowest.milliseconds) slowest = { milliseconds, run }
  if (faults.length > 0) failed(run, bytes)
  if (random(BATCH) === 0) {
    await scriptsIdle(proxy)
    clock.advance(random(4_000))
    if (faults.length > 0) failed(run, bytes)
  }
  take()
  if ((run + 1) % ROUND === 0) await allThrough()
  if ((run + 1) % 100_000 === 0) console.log(`${run + 1} messages, ${JSON.stringify(proxy.load)}`)
}
await allThrough()
const seconds = (performance.now() - begin) / 1_000
const rss = Math.round(process.memoryUsage().rss / 1_048_576)
const metrics = await proxy.metrics()
const total = (name: string) =>
  [...metrics.matchAll(new RegExp(`^siplet_proxy_${name}\\{.*\\} (\\d+)`, 'gm'))].reduce(
    (sum, [, n]) => sum + Number(n),
    0,
  )
const counts = `${total('requests_received_total')} requests, ${total('replies_received_total')} replies, ${total('messages_sent_total')} relayed, ${total('replies_sent_total')} answered`
await proxy.close()
console.log(
  `${runs} inputs, ${counts}, no failure, all counters zero; ${seconds.toFixed(1)} s, slowest ${slowest.milliseconds.toFixed(1)} ms (input ${slowest.run}), RSS ${rss} MiB`,
)

function failed(run: number, bytes: Uint8Array): never {
  console.error(`input ${run} of seed ${seed}, or one just before it, makes a fault`)
  console.error(JSON.stringify(Buffer.from(bytes).toString('latin1')))
  for (const { message, stack } of faults) console.error(message, stack)
  process.exit(1)
}

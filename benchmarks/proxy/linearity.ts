/**
 * Measures how the cost of odd messages grows with their length in the running proxy: microseconds from the datagram to
 * everything that is sent because of it, script included (`inline`), with sockets in memory. Messages of a column are
 * twice as large as those of the previous one; a row that grows eightfold from first to last is linear. Heads have at
 * most 64 KiB, over a stream as well (maxHeadBytes).
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createProxy, type Flow, type Receiver, type Target, type TransportName } from '@siplet/proxy'
import { frameOf, reply, SIPMessage } from '@siplet/sipmsg'
import type { FigureRow, Figures } from '../../packages/cli/src/bench/figures.ts'

const SIZES = [8, 16, 32, 64].map((kilobytes) => kilobytes * 1_024 - 512)
const RUNS = 25

const SCRIPT = `function mod_init() { return { child_init() { return 0 }, request_route(msg) {
  const how = msg.getHeader('X-How')
  if (how === 'fork') msg.call_function('append_branch', 'sip:c@192.0.2.11')
  if (how === 'record') msg.call_function('record_route', 'ftag=1')
  if (how === 'loose') {
    msg.call_function('loose_route'); msg.call_function('check_route_param', 'p=1'); msg.call_function('route_params', 'X-P')
    return 0
  }
  if (how === 'stateless') return msg.call_function('forward', '192.0.2.10')
  if (how === 'stream') msg.set_dst_uri('sip:192.0.2.10;transport=tcp')
  else if (how !== 'route') msg.set_dst_uri('sip:192.0.2.10')
  return 1
} } }`

/** A request with one odd part of about that size. */
interface Shape {
  uri?: (size: number) => string
  /** Headers before the others, or parts of the topmost Via. */
  head?: (size: number) => string
  via?: (size: number) => string
  from?: (size: number) => string
  body?: (size: number) => string
  how?: string
  method?: string
  /** A reply to the request, with these lines. Then the time of the reply is measured. */
  reply?: (size: number) => string
  status?: number
}

const repeated = (unit: string) => (size: number) => unit.repeat(Math.ceil(size / unit.length))
const list =
  (name: string, unit: string, last = unit) =>
  (size: number) =>
    `${name}: ${unit.repeat(Math.ceil(size / unit.length))}${last.replace(/,$/, '')}\r\n`
const OURS = 'sip:192.0.2.1;lr'

const SHAPES: Record<string, Shape> = {
  'strict router undone': {
    uri: () => OURS,
    head: list('Route', '<sip:a>,', '<sip:b@192.0.2.10>'),
    how: 'route',
  },
  'strict router undone, lines': {
    uri: () => OURS,
    head: repeated('Route: <sip:b@192.0.2.10>\r\n'),
    how: 'route',
  },
  'to a strict router': { head: list('Route', '<sip:192.0.2.10>,'), how: 'route' },
  'Routes of ours': { head: list('Route', `<${OURS};r2=on>,`), how: 'loose' },
  'Route lines': { head: repeated('Route: <sip:192.0.2.10;lr>\r\n'), how: 'route' },
  'parameters of our Route': {
    head: (size) => `Route: <${OURS}${repeated(';p=1')(size)}>\r\n`,
    how: 'loose',
  },
  'Record-Route, recorded': { head: list('Record-Route', '<sip:a;lr>,'), how: 'record' },
  Vias: { head: list('Via', 'SIP/2.0/UDP a,') },
  'Via lines': { head: repeated('v: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK.t.x\r\n') },
  'parameters of the topmost Via': { via: repeated(';rport;received=1') },
  'quoted parameters of Via': { via: repeated(';x="\\";rport"') },
  'white space in Via': { via: repeated('; ; \t') },
  Contacts: { head: list('Contact', '<sip:a>,') },
  'Max-Forwards lines': { head: repeated('Max-Forwards: 1\r\n') },
  'Proxy-Require': { head: list('Proxy-Require', 'x,') },
  'a header twice and more': { head: repeated('Subject: a\r\n') },
  'empty values of a header': { head: (size) => `Record-Route: ${','.repeat(size)}\r\n` },
  'unknown headers': { head: repeated('X: y\r\n') },
  'Content-Length lines': { head: repeated('l: 0\r\n') },
  folds: { head: (size) => `Subject: ${'x\r\n '.repeat(size / 4)}\r\n` },
  'parameters of From': { from: repeated(';a=b') },
  'parameters of the Request-URI': { uri: (size) => `sip:b@192.0.2.10${repeated(';a=b')(size)}` },
  'method in the Request-URI': { uri: (size) => `sip:b@192.0.2.10${repeated(';method=a')(size)}?a=b` },
  'user part of the Request-URI': { uri: (size) => `sip:${repeated(';a?')(size)}@192.0.2.10` },
  'maddr of ours': { uri: (size) => `sip:b@192.0.2.1${repeated(';a=b')(size)};maddr=192.0.2.1` },
  'an IPv6 reference without end': { uri: (size) => `sip:[${repeated('1:')(size)}]` },
  SDP: { body: repeated('a=x\r\n') },
  'SDP, 16 times as much': { body: (size) => repeated('a=x\r\n')(16 * size), how: 'stream' },
  'SDP, to a stream': { body: repeated('a=x\r\n'), how: 'stream' },
  'unknown headers, forked': { head: repeated('X: y\r\n'), how: 'fork' },
  'unknown headers, stateless': { head: repeated('X: y\r\n'), how: 'stateless' },
  'RFC 2543, no branch': { method: 'OLD', uri: (size) => `sip:b@192.0.2.10${repeated(';a=b')(size)}` },
  'reply with Vias': { reply: list('Via', 'SIP/2.0/UDP a,') },
  'reply with challenges': {
    how: 'fork',
    status: 401,
    reply: repeated('WWW-Authenticate: Digest a="b"\r\n'),
  },
  'reply, Content-Length lines': { how: 'stream', reply: repeated('l: 9\r\n') },
  'reply to what was stateless': { how: 'stateless', reply: repeated('X: y\r\n') },
}

export async function run(): Promise<Figures[]> {
  const folder = mkdtempSync(join(tmpdir(), 'siplet-linearity-'))
  const file = join(folder, 'router.js')
  writeFileSync(file, SCRIPT)
  const memory = new Map<TransportName, Memory>()
  const quiet = () => {}
  const proxy = await createProxy(
    {
      listen: ['udp:192.0.2.1:5060', 'tcp:192.0.2.1:5060'],
      script: { file, isolation: 'inline', timeoutMs: 10_000 },
      udpMaxBytes: 1_000_000_000,
      drainTimeoutMs: 1,
    },
    {
      logger: { debug: quiet, info: quiet, warn: quiet, error: quiet, fatal: quiet },
      openTransport: async ({ transport }, receiver) => {
        const opened = new Memory(transport, receiver)
        memory.set(transport, opened)
        return opened
      },
    },
  )
  try {
    const columns = SIZES.map((size) => `${Math.ceil(size / 1_024)} kB`)
    const rows = Object.entries(SHAPES).map(([name, shape]) => {
      const times = SIZES.map((size) => cheapest(memory, shape, size))
      const row: FigureRow = { name, 'last / first': times.at(-1)! / times[0]! }
      for (const [index, column] of columns.entries()) row[column] = times[index]!
      return row
    })
    const decimals = Object.fromEntries(columns.map((column) => [column, 0]))
    return [{ title: 'µs at', columns: { ...decimals, 'last / first': 1 }, rows }]
  } finally {
    await proxy.close()
    rmSync(folder, { recursive: true })
  }
}

/** Sockets that keep what is sent. */
class Memory {
  readonly name: TransportName
  readonly local: [string, number] = ['192.0.2.1', 5060]
  readonly sentBy = '192.0.2.1:5060'
  readonly family = 4
  readonly connections = 0
  readonly handshakes = 0
  sent: string[] = []
  readonly #receiver: Receiver

  constructor(name: TransportName, receiver: Receiver) {
    this.name = name
    this.#receiver = receiver
  }

  flowTo({ ip, port }: Target): Flow {
    const { name: transport, local, sentBy, sent } = this
    return { transport, local, sentBy, remote: [ip, port], open: true, send: (text) => sent.push(text) }
  }

  openFlow(target: Target): Flow {
    return this.flowTo(target)
  }

  receive(text: string, ip: string): void {
    const frame = frameOf(Buffer.from(text, 'latin1'))
    if (frame.type === 'message')
      this.#receiver.message(frame.message, this.flowTo({ transport: this.name, ip, port: 5060 }))
  }

  async close(): Promise<void> {}
}

let calls = 0

/**
 * Returns the shortest time of several messages of that shape: other processes and garbage collection only add to it.
 */
function cheapest(memory: ReadonlyMap<TransportName, Memory>, shape: Shape, size: number): number {
  const [udp, tcp] = [memory.get('udp')!, memory.get('tcp')!]
  const transport = shape.how === 'stream' ? tcp : udp
  const times = Array.from({ length: RUNS }, () => {
    udp.sent.length = tcp.sent.length = 0
    const text = requestOf(shape, shape.reply === undefined ? size : 0, transport.name)
    const inFront = shape.reply === undefined ? text : undefined
    if (inFront === undefined) transport.receive(text, '192.0.2.2')
    const replies = shape.reply === undefined ? [] : repliesTo([...udp.sent, ...tcp.sent], shape, size)
    const start = performance.now()
    if (inFront !== undefined) transport.receive(inFront, '192.0.2.2')
    for (const answer of replies) transport.receive(answer, '192.0.2.10')
    return (performance.now() - start) * 1_000
  })
  return Math.min(...times)
}

function requestOf(
  { uri, head, via, from, body, how = '', method = 'OPTIONS' }: Shape,
  size: number,
  transport: string,
): string {
  const number = ++calls
  const branch = method === 'OLD' ? '' : `;branch=z9hG4bK-${number}`
  const content = body?.(size) ?? ''
  const lines = [
    `${method} ${uri?.(size) ?? 'sip:b@192.0.2.10'} SIP/2.0`,
    `Via: SIP/2.0/${transport.toUpperCase()} 192.0.2.2${branch}${via?.(size) ?? ''}`,
    `From: <sip:a@192.0.2.2>;tag=1${from?.(size) ?? ''}`,
    'To: <sip:b@192.0.2.10>',
    `Call-ID: ${number}`,
    `CSeq: 1 ${method}`,
    `X-How: ${how}`,
  ]
  return `${lines.join('\r\n')}\r\n${head?.(size) ?? ''}Max-Forwards: 70\r\nContent-Length: ${content.length}\r\n\r\n${content}`
}

function repliesTo(sent: readonly string[], { status = 200, reply: lines }: Shape, size: number): string[] {
  const requests = sent.filter((text) => !text.startsWith('SIP/2.0')).map((text) => new SIPMessage(text))
  return requests.map((request) =>
    reply(request, status).text.replace('Content-Length', () => `${lines!(size)}Content-Length`),
  )
}

if (process.argv[1] === import.meta.filename) {
  const { figuresText } = await import('../../packages/cli/src/bench/figures.ts')
  for (const figures of await run()) console.log(figuresText(figures))
}

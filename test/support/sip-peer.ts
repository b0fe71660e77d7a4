/** A user agent over UDP for tests: sends given messages and keeps received ones. */
import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createProxy, type ProxyOptions, type ProxyParts, type SIPProxy } from '@siplet/proxy'
import { type ReplyParts, reply, SIPMessage } from '@siplet/sipmsg'
import { assertAllZero } from './all-zero.ts'
import { keepingLogger, scriptFile } from './engine.ts'
import { ManualClock } from './manual-clock.ts'
import { sip } from './messages.ts'

/** Longest wait for an expected message. Long, because the machine may be busy. */
const PATIENCE_MS = 10_000

export class SIPPeer {
  readonly port: number
  readonly uri: string
  /** Received messages, in order. */
  readonly received: SIPMessage[] = []
  /** Called for each received message. */
  answer: (message: SIPMessage) => void = () => {}
  readonly #socket: Socket
  readonly #waiting = new Set<() => void>()
  #taken = 0

  static async open(): Promise<SIPPeer> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1')
    await once(socket, 'listening')
    return new SIPPeer(socket)
  }

  private constructor(socket: Socket) {
    this.#socket = socket
    this.port = socket.address().port
    this.uri = `sip:127.0.0.1:${this.port}`
    socket.on('message', (bytes) => {
      const message = new SIPMessage(bytes)
      this.received.push(message)
      this.answer(message)
      for (const wake of this.#waiting) wake()
    })
  }

  send(message: SIPMessage | string, port: number): void {
    this.sendRaw(typeof message === 'string' ? Buffer.from(message) : message.toBytes(), port)
  }

  sendRaw(bytes: Uint8Array, port: number): void {
    this.#socket.send(bytes, port, '127.0.0.1')
  }

  /** Returns the next message that was not returned yet. `what` is the expected method or status, if given. */
  async next(what?: string | number): Promise<SIPMessage> {
    const end = performance.now() + PATIENCE_MS
    while (this.received.length === this.#taken) {
      assert.ok(
        performance.now() < end,
        `${what ?? 'a message'} did not arrive at port ${this.port}; received so far: ${this.summary()}`,
      )
      await this.#arrival(end - performance.now())
    }
    const message = this.received[this.#taken++]!
    if (what !== undefined)
      assert.equal(message.status ?? message.method, what, `received so far: ${this.summary()}`)
    return message
  }

  /** Answers a request to the address in its topmost Via. */
  reply(request: SIPMessage, status: number, parts: ReplyParts = {}): void {
    this.send(reply(request, status, parts), request.topVia!.port!)
  }

  /** Returns methods and statuses of all received messages. */
  summary(): string {
    return this.received.map(({ method, status }) => method ?? status).join(' ')
  }

  close(): void {
    this.#socket.close()
  }

  async #arrival(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer)
        this.#waiting.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, ms)
      this.#waiting.add(wake)
    })
  }
}

/** A proxy in this process, between a client and several servers. */
export class Lab implements AsyncDisposable {
  readonly proxy: SIPProxy
  readonly port: number
  readonly client: SIPPeer
  readonly servers: readonly SIPPeer[]
  readonly log: ReturnType<typeof keepingLogger>
  /** Stands still unless a test advances it. At the end, it is advanced enough for every timer. */
  readonly clock: ManualClock
  #branches = 0

  /**
   * Opens a proxy. When the lab is closed, all of its counters must be zero.
   *
   * @param script methods of the script's object; they may use `A` and `B`, the URIs of two servers
   */
  static async open(
    script: string,
    config: Partial<ProxyOptions> & { isolation?: 'inline' | 'thread' | 'process'; timeoutMs?: number } = {},
    { clock = new ManualClock(), ...parts }: ProxyParts & { clock?: ManualClock } = {},
  ): Promise<Lab> {
    const peers = [await SIPPeer.open(), await SIPPeer.open(), await SIPPeer.open()] as const
    const log = keepingLogger()
    const { isolation = 'inline', timeoutMs = 1_000, ...options } = config
    const source = `const A = '${peers[1].uri}', B = '${peers[2].uri}'
      function mod_init() { return { child_init() { return 0 }, ${script} } }`
    const proxy = await createProxy(
      {
        listen: ['udp:127.0.0.1:0'],
        script: { file: scriptFile(source), isolation, timeoutMs },
        drainTimeoutMs: 1,
        ...options,
      } as ProxyOptions,
      { logger: log, clock, ...parts },
    )
    return new Lab(proxy, peers, log, clock)
  }

  private constructor(
    proxy: SIPProxy,
    [client, ...servers]: readonly [SIPPeer, ...SIPPeer[]],
    log: ReturnType<typeof keepingLogger>,
    clock: ManualClock,
  ) {
    this.proxy = proxy
    this.port = proxy.listening[0]!.port
    this.client = client
    this.servers = servers
    this.log = log
    this.clock = clock
  }

  /** Sends a request of the client, and returns it. */
  request(
    method: string,
    { uri = 'sip:bob@example.net', headers = [], via = '', to = '' }: RequestParts = {},
  ): SIPMessage {
    const branch = `z9hG4bK-lab-${++this.#branches}`
    return this.resend(
      new SIPMessage(
        sip({
          startLine: `${method} ${uri} SIP/2.0`,
          headers: [
            ['Via', `SIP/2.0/UDP 127.0.0.1:${this.client.port};branch=${branch}${via}`],
            ['Max-Forwards', '70'],
            ['From', '<sip:alice@example.com>;tag=a1'],
            ['To', `<sip:bob@example.net>${to}`],
            ['Call-ID', 'lab@example.com'],
            ['CSeq', `1 ${method}`],
            ['Contact', `<sip:alice@127.0.0.1:${this.client.port}>`],
            ...headers,
          ],
        }),
      ),
    )
  }

  /** Sends the ACK or the CANCEL of an INVITE of the client, with its branch. */
  follow(method: 'ACK' | 'CANCEL', invite: SIPMessage, to = invite.getHeader('To')!): void {
    const request = new SIPMessage(invite.text.replace(/^INVITE/, method).replace('1 INVITE', `1 ${method}`))
    request.setHeader('To', to)
    this.resend(request)
  }

  resend(message: SIPMessage): SIPMessage {
    this.client.send(message, this.port)
    return message
  }

  /** Makes one more round trip, so that everything sent before has arrived. */
  async settled(): Promise<void> {
    const before = this.client.received.length
    this.request('OPTIONS', { headers: [['Proxy-Require', 'none-such']] })
    const end = performance.now() + PATIENCE_MS
    while (!this.client.received.slice(before).some(({ status }) => status === 420)) {
      assert.ok(performance.now() < end, 'the proxy does not answer')
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    const index = this.client.received.findIndex(({ status }) => status === 420)
    this.client.received.splice(index, 1)
    const line = this.log.records.findLastIndex(({ message }) => / refused with 420: /.test(message))
    this.log.records.splice(line, 1)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.proxy.health().status === 'serving') await assertAllZero(this.proxy, this.clock)
    } finally {
      await this.proxy.close()
      for (const peer of [this.client, ...this.servers]) peer.close()
    }
  }
}

interface RequestParts {
  uri?: string
  headers?: [name: string, value: string][]
  /** Further parameters of the Via. */
  via?: string
  /** Parameters of To. */
  to?: string
}

/** One caller must not end a connection that others share, or make it be framed wrongly. Each caller gets an answer. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import type { ProxyOptions } from '@siplet/proxy'
import { reply, SIPMessage, StreamFramer } from '@siplet/sipmsg'
import { WebSocket } from 'ws'
import { ISOLATIONS } from '../../support/engine.ts'
import { Lab } from '../../support/sip-peer.ts'
import { StreamPeer, until } from '../../support/stream-peer.ts'

const LISTEN = { listen: ['udp:127.0.0.1:0', 'tcp:127.0.0.1:0', 'ws:127.0.0.1:0'] }
const MAX = 2_000
const SMALL: Partial<ProxyOptions> = { ...LISTEN, limits: { maxHeadBytes: MAX } }
const FUNCTIONS = ['t_relay', 'forward'] as const

/** Returns a script that sends every request to a TCP port. */
const relayTo = (port: number, how: string) =>
  `request_route(msg) { msg.set_dst_uri('sip:127.0.0.1:${port};transport=tcp'); return msg.call_function('${how}') }`

const portOf = (lab: Lab, name: string) =>
  lab.proxy.listening.find(({ transport }) => transport === name)!.port

/** Returns a request with a head of exactly that many bytes, or of any length by default. */
function request(lab: Lab, branch: string, lines: readonly string[] = [], headBytes?: number): string {
  const head = (padding: readonly string[]) =>
    [
      'OPTIONS sip:bob@example.net SIP/2.0',
      `Via: SIP/2.0/UDP 127.0.0.1:${lab.client.port};branch=z9hG4bK-${branch}`,
      'Max-Forwards: 70',
      'From: <sip:alice@example.com>;tag=a1',
      'To: <sip:bob@example.net>',
      `Call-ID: ${branch}`,
      'CSeq: 1 OPTIONS',
      ...lines,
      ...padding,
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n')
  return headBytes === undefined ? head([]) : head([`X: ${'x'.repeat(headBytes - head(['X: ']).length)}`])
}

const overTCP = (text: string) => text.replace('SIP/2.0/UDP', 'SIP/2.0/TCP')
const answerTo = (text: string, headers: [string, string][] = []) =>
  reply(new SIPMessage(text), 200, { headers }).text

for (const isolation of ISOLATIONS) {
  describe(`a connection that callers share, isolation ${isolation}`, function () {
    this.timeout(60_000)

    for (const how of FUNCTIONS) {
      it(`${how}: bare LFs become CRLF, so that the peer sees the headers that the proxy saw`, async () => {
        await using peer = await StreamPeer.listen()
        await using lab = await Lab.open(relayTo(peer.port, how), { ...LISTEN, isolation })
        lab.client.send(request(lab, 'lf').replaceAll('\r\n', '\n'), lab.port)
        lab.client.send(request(lab, 'folded', ['l:\r\n 0']).replace('Content-Length: 0\r\n', ''), lab.port)
        const text = await peer.until((seen) => seen.split('\r\n\r\n').length === 3)
        assert.doesNotMatch(text, /(?<!\r)\n|\r(?!\n)/)
        const frames = new StreamFramer().push(Buffer.from(text, 'latin1'))
        assert.deepEqual(
          frames.map((frame) => frame.type === 'message' && new SIPMessage(frame.bytes).contentLength),
          [0, 0],
        )
        assert.match(text, /\r\nl: 0\r\n\r\n$/)
      })

      it(`${how}: a request with a bare CR in its head is answered with 400`, async () => {
        await using peer = await StreamPeer.listen()
        await using lab = await Lab.open(relayTo(peer.port, how), { ...LISTEN, isolation })
        lab.client.send(request(lab, 'cr', ['X: a\rRoute: <sip:evil.invalid;lr>']), lab.port)
        await lab.client.next(400)
        lab.client.send(request(lab, 'cr-end', ['X: a\r\r']), lab.port)
        await lab.client.next(400)
        assert.equal(peer.text, '')
      })

      it(`${how}: a head that our Via makes too large is answered with 513; the connection stays`, async () => {
        await using peer = await StreamPeer.listen()
        await using lab = await Lab.open(relayTo(peer.port, how), { ...SMALL, isolation })
        lab.client.send(request(lab, 'first'), lab.port)
        await peer.until((seen) => seen.includes('Call-ID: first'))
        const { socket } = peer
        for (const transport of ['udp', 'tcp', 'ws']) {
          lab.client.send(request(lab, `large-${transport}`, [], MAX), lab.port)
          await lab.client.next(513)
        }
        lab.client.send(request(lab, 'last'), lab.port)
        await peer.until((seen) => seen.includes('Call-ID: last'))
        assert.equal(peer.socket, socket)
        assert.doesNotMatch(peer.text, /Call-ID: large/)
        assert.ok(lab.log.records.some(({ message }) => /513.*limits\.maxHeadBytes/.test(message)))
        peer.send(answerTo(overTCP(`${peer.text.split('\r\n\r\n')[0]}\r\n\r\n`)))
        lab.clock.advance(60_000)
      })
    }

    it('a reply may have twice the head of a request', async () => {
      await using peer = await StreamPeer.listen()
      await using lab = await Lab.open(relayTo(peer.port, 't_relay'), { ...SMALL, isolation })
      const sent = request(lab, 'twice', [], MAX - 200)
      lab.client.send(sent, lab.port)
      const arrived = await peer.until((seen) => seen.includes('\r\n\r\n'))
      peer.send(answerTo(arrived, [['X-More', 'y'.repeat(MAX)]]))
      const answer = await lab.client.next(200)
      assert.ok(answer.bodyStart > MAX)
    })

    it('a reply that is longer ends the connection, and the request is answered', async () => {
      await using peer = await StreamPeer.listen()
      await using lab = await Lab.open(relayTo(peer.port, 't_relay'), { ...SMALL, isolation })
      lab.request('INVITE')
      await lab.client.next(100)
      const arrived = await peer.until((seen) => seen.includes('\r\n\r\n'))
      peer.send(answerTo(arrived, [['X-More', 'y'.repeat(2 * MAX)]]))
      await until(
        () => peer.ended,
        () => 'the connection stays open',
      )
      lab.clock.advance(32_000)
      await lab.client.next(408)
      assert.match(await lab.proxy.metrics(), /dropped_total\{reason="head-too-large"\} 1/)
    })

    it('a reply that the script makes too large for a stream is answered with 513', async () => {
      await using lab = await Lab.open(
        `request_route(msg) { msg.set_dst_uri(A); return 1 },
         onreply_route(msg) { msg.appendHeader('X-Large', 'x'.repeat(${2 * MAX})); return 1 }`,
        { ...SMALL, isolation },
      )
      await using peer = await StreamPeer.connect(portOf(lab, 'tcp'))
      peer.send(overTCP(request(lab, 'reply')))
      lab.servers[0]!.reply(await lab.servers[0]!.next('OPTIONS'), 200)
      await peer.until((seen) => /^SIP\/2\.0 513 /.test(seen))
      assert.equal(peer.ended, false)
    })

    it('forward() that cannot send is answered: no such host, no transport, nobody listens', async () => {
      const scripts = [
        `msg.set_dst_uri('sip:nowhere.invalid')`,
        `msg.set_dst_uri('sips:127.0.0.1')`,
        `msg.set_dst_uri('sip:127.0.0.1:1;transport=tcp')`,
      ]
      for (const script of scripts) {
        await using lab = await Lab.open(
          `request_route(msg) { ${script}; return msg.call_function('forward') }`,
          { ...LISTEN, isolation },
          {
            records: {
              naptr: async () => [],
              srv: async () => [],
              addresses: async () => [],
            },
          },
        )
        lab.request('OPTIONS')
        await lab.client.next(500)
        const line = lab.log.records.find(({ message }) => message.includes('refused with 500'))
        assert.ok(line, `${script}: ${lab.log.records.map(({ message }) => message).join('\n')}`)
      }
    })
  })
}

describe('a head that is too large', () => {
  it('is dropped if it comes in a datagram', async () => {
    await using lab = await Lab.open(`request_route(msg) { msg.set_dst_uri(A); return 1 }`, SMALL)
    lab.client.send(request(lab, 'udp', [], MAX + 1), lab.port)
    await lab.settled()
    assert.match(await lab.proxy.metrics(), /dropped_total\{reason="head-too-large"\} 1/)
    assert.equal(lab.servers[0]!.summary(), '')
  })

  it('ends a WebSocket', async () => {
    await using lab = await Lab.open(`request_route(msg) { msg.set_dst_uri(A); return 1 }`, SMALL)
    const socket = new WebSocket(`ws://127.0.0.1:${portOf(lab, 'ws')}`, 'sip')
    await once(socket, 'open')
    socket.send(request(lab, 'ws', [], MAX + 2).replace('SIP/2.0/UDP', 'SIP/2.0/WS'))
    await once(socket, 'close')
    assert.match(await lab.proxy.metrics(), /dropped_total\{reason="head-too-large"\} 1/)
    assert.equal(lab.servers[0]!.summary(), '')
  })
})

describe('a peer that reads slowly', () => {
  const LIMITS = { limits: { maxSendBufferBytes: 200_000, messageTimeoutMs: 10_000 } }

  /** A server that does not read from its sockets until the test resumes them. */
  async function silentServer() {
    const sockets: Socket[] = []
    const server = createServer((socket) => {
      socket.pause().on('error', () => {})
      sockets.push(socket)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    return { port, sockets, close: () => server.close() }
  }

  const body = 'b'.repeat(50_000)
  const large = (lab: Lab, branch: string) =>
    `${request(lab, branch).replace('Content-Length: 0', `Content-Length: ${body.length}`)}${body}`

  /**
   * Sends until the system accepts no more and the bound of the proxy is reached: then a request is answered with an
   * error.
   */
  async function fill(lab: Lab, server: { sockets: readonly Socket[] }): Promise<void> {
    lab.client.send(request(lab, 'connect'), lab.port)
    await until(
      () => server.sockets.length === 1,
      () => 'nobody connects',
    )
    for (let n = 0; !lab.client.received.some(({ status }) => status! >= 500); n++) {
      assert.ok(n < 2_000, 'the system takes everything')
      lab.client.send(large(lab, `fill-${n}`), lab.port)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }

  it('loses what is beyond the bound; the connection stays if it reads on', async () => {
    const server = await silentServer()
    {
      await using lab = await Lab.open(relayTo(server.port, 't_relay'), { ...LISTEN, ...LIMITS })
      await fill(lab, server)
      assert.equal(server.sockets.length, 1)
      let last = ''
      server.sockets[0]!.on('data', (chunk) => {
        last = (last + chunk.toString('latin1')).slice(-60_000)
      })
      server.sockets[0]!.resume()
      await until(
        () => last !== '',
        () => 'nothing is read',
      )
      await new Promise((resolve) => setTimeout(resolve, 100))
      lab.clock.advance(10_000)
      lab.client.send(large(lab, 'after'), lab.port)
      await until(
        () => last.includes('Call-ID: after'),
        () => `what came last: ${last.slice(0, 300)}`,
      )
      assert.equal(server.sockets.length, 1)
      lab.clock.advance(60_000)
    }
    server.close()
  })

  it('loses the connection if it reads nothing for messageTimeoutMs', async () => {
    const server = await silentServer()
    {
      await using lab = await Lab.open(relayTo(server.port, 't_relay'), { ...LISTEN, ...LIMITS })
      await fill(lab, server)
      await lab.settled()
      lab.clock.advance(10_000)
      assert.match(await lab.proxy.metrics(), /dropped_total\{reason="slow-reader"\} 1/)
      for (const socket of server.sockets) socket.destroy()
    }
    server.close()
  })
})

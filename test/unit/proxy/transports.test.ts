import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { connect as connectTLS, createServer as createTLSServer } from 'node:tls'
import { locate, parseListen, parseProxyConfig, type Records, Transports } from '@siplet/proxy'
import { parseURI, reply, SIPMessage, StreamFramer } from '@siplet/sipmsg'
import { WebSocket } from 'ws'
import { newestFirst } from '../../../packages/proxy/src/target/newest-first.ts'
import { certificate } from '../../support/certificate.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { sip } from '../../support/messages.ts'
import { Lab } from '../../support/sip-peer.ts'

const TO_A = `request_route(msg) { msg.set_dst_uri(A); return 1 }`

/** Yields the messages of a connection. */
async function* messages(socket: Socket): AsyncGenerator<SIPMessage> {
  const framer = new StreamFramer()
  for await (const chunk of socket) {
    for (const frame of framer.push(chunk)) {
      if (frame.type === 'message') yield new SIPMessage(frame.bytes)
    }
  }
}

function options(transport: string, branch: string): string {
  return sip({
    startLine: 'OPTIONS sip:bob@example.net SIP/2.0',
    headers: [
      ['Via', `SIP/2.0/${transport} client.invalid:5060;branch=${branch}`],
      ['Max-Forwards', '70'],
      ['From', '<sip:alice@example.com>;tag=a1'],
      ['To', '<sip:bob@example.net>'],
      ['Call-ID', branch],
      ['CSeq', '1 OPTIONS'],
    ],
  })
}

const portOf = (lab: Lab, name: string) =>
  lab.proxy.listening.find(({ transport }) => transport === name)!.port

describe('connections (RFC 3261 section 18)', () => {
  it('replies over the connection of the request, however the request is cut into segments', async () => {
    await using lab = await Lab.open(TO_A, { listen: ['udp:127.0.0.1:0', 'tcp:127.0.0.1:0'] })
    const socket = connect(portOf(lab, 'tcp'), '127.0.0.1')
    const replies = messages(socket)
    const bytes = Buffer.from(options('TCP', 'z9hG4bK-a') + options('TCP', 'z9hG4bK-b'))
    for (let at = 0; at < bytes.length; at += 50) socket.write(bytes.subarray(at, at + 50))
    for (const branch of ['z9hG4bK-a', 'z9hG4bK-b']) {
      const arrived = await lab.servers[0]!.next('OPTIONS')
      lab.servers[0]!.reply(arrived, 200)
      const answer: SIPMessage = (await replies.next()).value
      assert.equal(answer.topVia!.branch, branch)
      assert.equal(answer.topVia!.received, '127.0.0.1')
    }
    socket.destroy()
  })

  it('answers a double CRLF with one (RFC 5626 section 3.5.1)', async () => {
    await using lab = await Lab.open(TO_A, { listen: ['tcp:127.0.0.1:0'] })
    const socket = connect(portOf(lab, 'tcp'), '127.0.0.1')
    socket.write('\r\n\r\n')
    assert.equal(String((await once(socket, 'data'))[0]), '\r\n')
    socket.destroy()
  })

  it('reserves an eighth of maxConnections for connections that it opens', async () => {
    const server = createServer(async (socket) => {
      for await (const request of messages(socket)) socket.write(reply(request, 200).toBytes())
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await using lab = await Lab.open(
      `request_route(msg) { msg.set_dst_uri('sip:127.0.0.1:${port};transport=tcp'); return 1 }`,
      { listen: ['udp:127.0.0.1:0', 'tcp:127.0.0.1:0'], limits: { maxConnections: 8 } },
    )
    const sockets = []
    for (let i = 0; i < 8; i++) {
      const socket = connect(portOf(lab, 'tcp'), '127.0.0.1')
      await once(socket, 'connect')
      sockets.push(socket)
    }
    await once(sockets.at(-1)!, 'close')
    assert.equal(sockets.filter(({ closed }) => closed).length, 1)
    lab.request('OPTIONS')
    await lab.client.next(200)
    for (const socket of sockets) socket.destroy()
    server.close()
  })

  it('reuses a connection for the next request to the same target', async () => {
    let connections = 0
    const server = createServer(async (socket) => {
      connections++
      for await (const request of messages(socket)) socket.write(reply(request, 200).toBytes())
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    await using lab = await Lab.open(
      `request_route(msg) { msg.set_dst_uri('sip:127.0.0.1:${port};transport=tcp'); return 1 }`,
      { listen: ['udp:127.0.0.1:0', 'tcp:127.0.0.1:0'] },
    )
    for (let i = 0; i < 3; i++) {
      lab.request('OPTIONS')
      await lab.client.next(200)
    }
    assert.equal(connections, 1)
    server.close()
  })

  it('sends a message that is too large for a datagram over TCP, or over UDP if nobody listens there', async () => {
    await using lab = await Lab.open(TO_A, { listen: ['udp:127.0.0.1:0', 'tcp:127.0.0.1:0'] })
    const [a] = lab.servers
    const large: [string, string][] = [['X-Large', 'x'.repeat(1_400)]]
    lab.request('OPTIONS', { headers: large })
    assert.equal((await a!.next('OPTIONS')).topVia!.transport, 'UDP')
    const server = createServer(async (socket) => {
      for await (const request of messages(socket)) {
        assert.equal(request.topVia!.transport, 'TCP')
        socket.write(reply(request, 200).toBytes())
      }
    }).listen(a!.port, '127.0.0.1')
    await once(server, 'listening')
    lab.request('OPTIONS', { headers: large })
    await lab.client.next(200)
    server.close()
  })

  it('speaks TLS', async () => {
    using pem = certificate()
    const { key, cert } = pem
    {
      await using lab = await Lab.open(TO_A, {
        listen: ['udp:127.0.0.1:0', 'tls:127.0.0.1:0'],
        tls: { cert, key },
      })
      const socket = connectTLS({ port: portOf(lab, 'tls'), host: '127.0.0.1', rejectUnauthorized: false })
      socket.write(options('TLS', 'z9hG4bK-tls'))
      lab.servers[0]!.reply(await lab.servers[0]!.next('OPTIONS'), 200)
      assert.equal((await messages(socket).next()).value.status, 200)
      socket.destroy()
    }
  })

  it('uses a TLS connection only for the name that its certificate was checked for', async () => {
    using pem = certificate('DNS:localhost')
    const { key, cert } = pem
    let connections = 0
    const server = createTLSServer({ key: readFileSync(key), cert: readFileSync(cert) }, async (socket) => {
      connections++
      socket.on('error', () => {})
      for await (const message of messages(socket))
        if (message.isRequest) socket.write(reply(message, 200).text)
    })
    server.on('tlsClientError', () => {})
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    {
      await using lab = await Lab.open('request_route() { return 1 }', {
        listen: ['udp:127.0.0.1:0', 'tls:127.0.0.1:0'],
        tls: { cert, key, ca: cert },
      })
      const uri = (host: string) => `sip:bob@${host}:${port};transport=tls`
      for (const [host, status, made] of [
        ['localhost', 200, 1],
        ['localhost', 200, 1],
        ['127.0.0.1', 500, 1],
        ['localhost', 200, 1],
      ] as const) {
        lab.request('OPTIONS', { uri: uri(host) })
        assert.equal((await lab.client.next()).status, status, host)
        assert.equal(connections, made)
      }
    }
    server.close()
  })

  it('sends no reply to the maddr of a Via', async () => {
    await using lab = await Lab.open(
      'request_route(msg) { msg.call_function("sl_send_reply", 404, "No"); return 1 }',
    )
    const elsewhere = createSocket('udp4')
    elsewhere.bind(0, '127.0.0.2')
    await once(elsewhere, 'listening')
    elsewhere.on('message', (bytes) => assert.fail(bytes.toString()))
    const via = `SIP/2.0/UDP 127.0.0.1:${elsewhere.address().port};branch=z9hG4bK-m;maddr=127.0.0.2;rport`
    const request = lab.request('OPTIONS', { headers: [['X-Other', via]] })
    const text = request.text.replace(/^Via:.*$/m, `Via: ${via}`)
    await lab.client.next(404)
    lab.resend(new SIPMessage(text))
    await lab.client.next(404)
    elsewhere.close()
  })

  it('speaks WebSocket with the subprotocol sip, and with no other (RFC 7118)', async () => {
    await using lab = await Lab.open(TO_A, { listen: ['udp:127.0.0.1:0', 'ws:127.0.0.1:0'] })
    const url = `ws://127.0.0.1:${portOf(lab, 'ws')}`
    const [refused] = await once(new WebSocket(url), 'error')
    assert.match(refused.message, /401/)
    const socket = new WebSocket(url, 'sip')
    await once(socket, 'open')
    socket.send(options('WS', 'z9hG4bK-ws'))
    const arrived = await lab.servers[0]!.next('OPTIONS')
    lab.servers[0]!.reply(arrived, 200)
    assert.equal(new SIPMessage((await once(socket, 'message'))[0]).status, 200)
    socket.terminate()
  })
})

describe('datagrams', () => {
  const openUDP = () => {
    const { listen, limits } = parseProxyConfig({
      listen: ['udp:127.0.0.1:0'],
      script: { file: 'router.js' },
    })
    return Transports.open(
      { listen, limits, clock: new ManualClock() },
      { message() {}, refused() {}, dropped() {} },
    )
  }

  it('keep their own content, however many are sent at once', async () => {
    const transports = await openUDP()
    const peer = createSocket('udp4').bind(0, '127.0.0.1')
    await once(peer, 'listening')
    const flow = transports.flowTo({ transport: 'udp', ip: '127.0.0.1', port: peer.address().port })
    const texts = Array.from({ length: 100 }, (_, k) => options('UDP', `z9hG4bK-${'x'.repeat(k)}-\xff`))
    const came: string[] = []
    const all = new Promise<void>((resolve) => {
      peer.on('message', (bytes) => came.push(bytes.toString('latin1')) === texts.length && resolve())
    })
    for (const text of texts) flow.send(text, (error) => assert.fail(error))
    await all
    assert.deepEqual(came, texts)
    peer.close()
    await transports.close()
  })

  it('report that they are too large', async () => {
    const transports = await openUDP()
    const flow = transports.flowTo({ transport: 'udp', ip: '127.0.0.1', port: 9 })
    const error = await new Promise<Error>((resolve) => flow.send('x'.repeat(70_000), resolve))
    assert.match(error.message, /^udp to 127\.0\.0\.1 port 9: send EMSGSIZE/)
    await transports.close()
  })
})

describe('limits', () => {
  it('end a connection with an incomplete message, and an idle one', async () => {
    const clock = new ManualClock()
    await using lab = await Lab.open(TO_A, { listen: ['udp:127.0.0.1:0', 'tcp:127.0.0.1:0'] }, { clock })
    const slow = connect(portOf(lab, 'tcp'), '127.0.0.1')
    slow.write('O')
    const idle = connect(portOf(lab, 'tcp'), '127.0.0.1')
    await Promise.all([once(slow, 'connect'), once(idle, 'connect')])
    while (clock.running < 3) await new Promise((resolve) => setImmediate(resolve))
    const ended = once(slow, 'close')
    clock.advance(10_000)
    await ended
    assert.equal(idle.destroyed, false)
    const silent = once(idle, 'close')
    clock.advance(300_000)
    await silent
    assert.match(await lab.proxy.metrics(), /dropped_total\{reason="incomplete"\} 1/)
    assert.match(await lab.proxy.metrics(), /dropped_total\{reason="idle"\} 1/)
  })

  it('bound the connections from one address; calls continue', async () => {
    const clock = new ManualClock()
    const limits = { maxConnectionsPerIp: 100 }
    await using lab = await Lab.open(
      TO_A,
      { listen: ['udp:127.0.0.1:0', 'tcp:127.0.0.1:0'], limits },
      { clock },
    )
    const sockets = Array.from({ length: 1_000 }, () => {
      const socket = connect(portOf(lab, 'tcp'), '127.0.0.1', () => socket.write('I'))
      return socket.on('error', () => {})
    })
    lab.request('OPTIONS')
    lab.servers[0]!.reply(await lab.servers[0]!.next('OPTIONS'), 200)
    await lab.client.next(200)
    const turn = () => new Promise((resolve) => setTimeout(resolve, 5))
    while (sockets.filter((socket) => socket.closed).length < 900) await turn()
    // Each connection has an idle timer and a message timer, in addition to those of the transactions.
    while (clock.running < 200) await turn()
    clock.advance(10_000)
    while (!sockets.every((socket) => socket.closed)) await turn()
    let metrics = await lab.proxy.metrics()
    while (!metrics.includes('siplet_proxy_connections 0')) metrics = await lab.proxy.metrics()
    assert.match(metrics, /dropped_total\{reason="incomplete"\} 100/)
    assert.match(metrics, /dropped_total\{reason="too-many-connections"\} 900/)
  }).timeout(60_000)

  it('close a connection with bytes that are not SIP, or without Content-Length', async () => {
    await using lab = await Lab.open(TO_A, { listen: ['udp:127.0.0.1:0', 'tcp:127.0.0.1:0'] })
    for (const text of [
      'GET / HTTP/1.1\r\n\r\n',
      options('TCP', 'z9hG4bK-x').replace(/Content-Length.*\r\n/, ''),
    ]) {
      const socket = connect(portOf(lab, 'tcp'), '127.0.0.1')
      socket.write(text)
      await once(socket.resume(), 'close')
    }
  })
})

describe('addresses to listen on', () => {
  it('are written as in OpenSIPS', () => {
    const parsed = (text: string) => {
      const { transport, ip, port, sentBy } = parseListen(text)
      return [transport, ip, port, sentBy(port)]
    }
    assert.deepEqual(parsed('udp:10.0.0.1:5070'), ['udp', '10.0.0.1', 5070, '10.0.0.1:5070'])
    assert.deepEqual(parsed('tls:[2001:db8::1]'), ['tls', '2001:db8::1', 5061, '[2001:db8::1]:5061'])
    assert.deepEqual(parsed('udp:0.0.0.0:5060 as sip.example.org:5080'), [
      'udp',
      '0.0.0.0',
      5060,
      'sip.example.org:5080',
    ])
  })

  it('give an error that says what is wrong', () => {
    assert.throws(() => parseListen('sctp:10.0.0.1:5060'), /no address to listen on/)
    assert.throws(() => parseListen('udp:0.0.0.0:5060'), /say which one peers are to use/)
  })
})

describe('the targets of a URI (RFC 3263)', () => {
  const records = (known: Record<string, unknown[]>): Records => {
    const find = async (key: string) => (known[key] ?? []) as never
    return {
      naptr: (name) => find(`NAPTR ${name}`),
      srv: (name) => find(`SRV ${name}`),
      addresses: (name) => find(name),
    }
  }
  const reach = { supports: (transport: string, family: number) => family === 4 && transport !== 'wss' }
  const find = async (uri: string, known: Record<string, unknown[]>, random = 0) =>
    (await locate(parseURI(uri)!, records(known), reach, () => random)).map(
      ({ transport, ip, port }) => `${transport} ${ip} ${port}`,
    )

  it('are none if a resolver would take the host for an address in another form', async () => {
    const found = (host: string) => find(`sip:${host}:5060`, { [host]: ['127.0.0.1'] })
    for (const host of ['2130706433', '0x7f.1', '0177.0.0.1', '0', '127.1', '1.2.3.4.5', 'a.1'])
      await assert.rejects(found(host), { code: 'ERR_SIPLET_PROXY_NO_TARGET' }, host)
    for (const host of ['localhost', 'a.b1', '1.example'])
      assert.deepEqual(await found(host), ['udp 127.0.0.1 5060'], host)
  })

  it('wait for DNS newest first, in a queue with an end', async () => {
    const ends: (() => void)[] = []
    const asked: string[] = []
    const look = newestFirst(1, 2, (name) => {
      asked.push(name)
      return new Promise<void>((resolve) => ends.push(resolve))
    })
    const all = ['a', 'b', 'c', 'd'].map((name) =>
      look(name).then(
        () => name,
        (error) => error.code,
      ),
    )
    await new Promise(setImmediate)
    for (let i = 0; i < 3; i++) {
      ends[i]!()
      await new Promise(setImmediate)
    }
    assert.deepEqual(await Promise.all(all), ['a', 'EBUSY', 'c', 'd'])
    assert.deepEqual(asked, ['a', 'd', 'c'])
  })

  it('are the address itself if the host is numeric, maddr first', async () => {
    assert.deepEqual(await find('sip:192.0.2.1', {}), ['udp 192.0.2.1 5060'])
    assert.deepEqual(await find('sips:192.0.2.1', {}), ['tls 192.0.2.1 5061'])
    assert.deepEqual(await find('sip:example.com;maddr=192.0.2.9;transport=tcp', {}), ['tcp 192.0.2.9 5060'])
  })

  it('come from NAPTR, then SRV by priority, then addresses', async () => {
    assert.deepEqual(
      await find('sip:example.com', {
        'NAPTR example.com': [
          { order: 20, preference: 1, service: 'SIP+D2U', replacement: '_sip._udp.example.com' },
          { order: 10, preference: 1, service: 'SIP+D2T', replacement: '_sip._tcp.example.com' },
        ],
        'SRV _sip._tcp.example.com': [
          { priority: 2, weight: 0, name: 'b.example.com', port: 5071 },
          { priority: 1, weight: 0, name: 'a.example.com', port: 5070 },
        ],
        'SRV _sip._udp.example.com': [{ priority: 1, weight: 0, name: 'a.example.com', port: 5080 }],
        'a.example.com': ['192.0.2.1', '2001:db8::1'],
        'b.example.com': ['192.0.2.2'],
      }),
      ['tcp 192.0.2.1 5070', 'tcp 192.0.2.2 5071', 'udp 192.0.2.1 5080'],
    )
  })

  it('of equal priority are drawn by weight', async () => {
    const known = {
      'SRV _sip._udp.example.com': [
        { priority: 1, weight: 10, name: '192.0.2.1', port: 1 },
        { priority: 1, weight: 90, name: '192.0.2.2', port: 2 },
      ],
    }
    assert.equal((await find('sip:example.com;transport=udp', known, 0.05))[0], 'udp 192.0.2.1 1')
    assert.equal((await find('sip:example.com;transport=udp', known, 0.5))[0], 'udp 192.0.2.2 2')
  })

  it('come from address records only if a port is given, or if there is no SRV record', async () => {
    const known = { 'example.com': ['192.0.2.1'] }
    assert.deepEqual(await find('sip:example.com:5070', known), ['udp 192.0.2.1 5070'])
    assert.deepEqual(await find('sip:example.com', known), ['udp 192.0.2.1 5060'])
    await assert.rejects(find('sip:nowhere.example', {}), { code: 'ERR_SIPLET_PROXY_NO_TARGET' })
  })

  it('are tried one after the other: on a timeout, a refused connection, or a 503', async () => {
    const clock = new ManualClock()
    const targets: unknown[] = []
    const known = records({ 'SRV _sip._udp.example.net': targets })
    await using lab = await Lab.open(`request_route() { return 1 }`, {}, { clock, records: known })
    const [a, b] = lab.servers
    targets.push(
      { priority: 1, weight: 0, name: '127.0.0.1', port: a!.port },
      { priority: 2, weight: 0, name: '127.0.0.1', port: b!.port },
    )
    lab.request('INVITE')
    await lab.client.next(100)
    await a!.next('INVITE')
    clock.advance(32_000)
    b!.reply(await b!.next('INVITE'), 200)
    await lab.client.next(200)
    lab.request('OPTIONS')
    while ((await a!.next()).method !== 'OPTIONS');
    a!.reply(a!.received.at(-1)!, 503)
    b!.reply(await b!.next('OPTIONS'), 200)
    await lab.client.next(200)
  })

  it('are none if a name does not resolve: 500', async () => {
    await using lab = await Lab.open(`request_route() { return 1 }`, {}, { records: records({}) })
    lab.request('INVITE')
    await lab.client.next(100)
    await lab.client.next(500)
  })
})

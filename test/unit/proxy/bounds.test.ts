/** Upper bounds for calls, branches, look-ups and handshakes. Each lab ends with all counters at zero. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Records } from '@siplet/proxy'
import { WebSocket } from 'ws'
import { certificate } from '../../support/certificate.ts'
import { ISOLATIONS } from '../../support/engine.ts'
import { Lab } from '../../support/sip-peer.ts'

const TO_A = `request_route(msg) { msg.set_dst_uri(A); return 1 }`

async function until(what: string, is: () => boolean): Promise<void> {
  for (const end = performance.now() + 20_000; !is(); ) {
    assert.ok(performance.now() < end, `${what} did not come`)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

describe('a callee that never ends its INVITE', () => {
  it('is cancelled by timer C, and given up 64*T1 later', async () => {
    await using lab = await Lab.open(TO_A)
    lab.request('INVITE')
    await lab.client.next(100)
    const [a] = lab.servers
    a!.reply(await a!.next('INVITE'), 180)
    await lab.client.next(180)
    lab.clock.advance(180_000)
    a!.reply(await a!.next('CANCEL'), 200)
    await lab.client.next(408)
    await lab.settled()
    assert.equal(lab.proxy.transactions.client, 2)
    lab.clock.advance(32_000)
    assert.equal(lab.proxy.transactions.client, 0)
  })

  it('gets its CANCEL when it first rings after the client has given up', async () => {
    await using lab = await Lab.open(TO_A)
    const invite = lab.request('INVITE')
    await lab.client.next(100)
    const [a] = lab.servers
    const arrived = await a!.next('INVITE')
    lab.follow('CANCEL', invite)
    await lab.client.next(200)
    a!.reply(arrived, 180)
    await lab.client.next(180)
    a!.reply(await a!.next('CANCEL'), 200)
    lab.clock.advance(32_000)
    await lab.client.next(487)
  })

  it('is given up even if it keeps sending 180 after the CANCEL', async () => {
    await using lab = await Lab.open(TO_A)
    const invite = lab.request('INVITE')
    await lab.client.next(100)
    const [a] = lab.servers
    const arrived = await a!.next('INVITE')
    a!.reply(arrived, 180)
    await lab.client.next(180)
    lab.follow('CANCEL', invite)
    await lab.client.next(200)
    for (let second = 0; second < 32; second++) {
      a!.reply(arrived, 180)
      await lab.settled()
      lab.clock.advance(1_000)
    }
    await until('487', () => lab.client.received.some(({ status }) => status === 487))
  })
})

describe('late messages', () => {
  it('a 200 whose transaction is gone is dropped (RFC 6026 section 8.2)', async () => {
    await using lab = await Lab.open(TO_A)
    lab.request('INVITE')
    await lab.client.next(100)
    const arrived = await lab.servers[0]!.next('INVITE')
    lab.servers[0]!.reply(arrived, 200)
    await lab.client.next(200)
    lab.clock.advance(32_000)
    lab.servers[0]!.reply(arrived, 200)
    await lab.settled()
    assert.match(await lab.proxy.metrics(), /dropped_total\{reason="stray-reply"\} 1/)
    assert.equal(lab.client.summary(), '100 200')
  })

  it('CANCEL and 200 cross: the call is answered with the 200, the CANCEL with its own', async () => {
    await using lab = await Lab.open(TO_A)
    const invite = lab.request('INVITE')
    await lab.client.next(100)
    const arrived = await lab.servers[0]!.next('INVITE')
    lab.servers[0]!.reply(arrived, 180)
    await lab.client.next(180)
    lab.follow('CANCEL', invite)
    lab.follow('CANCEL', invite)
    await lab.servers[0]!.next('CANCEL')
    lab.servers[0]!.reply(arrived, 200)
    await lab.settled()
    const answers = lab.client.received.map(({ status, cseqMethod }) => `${status} ${cseqMethod}`)
    assert.ok(answers.includes('200 INVITE') && answers.includes('200 CANCEL'), answers.join())
    lab.follow('CANCEL', invite)
    await lab.settled()
    assert.equal(lab.servers[0]!.summary(), 'INVITE CANCEL')
  })

  it('CANCEL while a method of the script runs: nothing is relayed', async () => {
    for (const isolation of ['thread', 'process'] as const) {
      await using lab = await Lab.open(
        `request_route(msg) { for (const end = Date.now() + 300; Date.now() < end; ); msg.set_dst_uri(A); return 1 }`,
        { isolation, timeoutMs: 10_000 },
      )
      const invite = lab.request('INVITE')
      await until('the method', () => lab.proxy.load.scripts === 1)
      lab.follow('CANCEL', invite)
      await until('487', () => lab.client.received.some(({ status }) => status === 487))
      assert.equal(lab.servers[0]!.summary(), '')
    }
  })
})

for (const isolation of ISOLATIONS) {
  describe(`FAILURE_ROUTE, isolation ${isolation}`, function () {
    this.timeout(60_000)

    it('that only sends a provisional reply leaves the failure unchanged', async () => {
      await using lab = await Lab.open(
        `request_route(msg) { msg.call_function('t_on_failure', 'failed'); msg.set_dst_uri(A); return 1 },
         failed(msg) { return msg.call_function('t_reply', 180, 'Wait') }`,
        { isolation },
      )
      lab.request('INVITE')
      await lab.client.next(100)
      lab.servers[0]!.reply(await lab.servers[0]!.next('INVITE'), 486)
      assert.equal((await lab.client.next(180)).reason, 'Wait')
      await lab.client.next(486)
    })

    it('that calls t_on_failure again ends after 12 branches, or maxBranches', async () => {
      for (const maxBranches of [undefined, 3]) {
        await using lab = await Lab.open(
          `request_route(msg) { msg.call_function('t_on_failure', 'failed'); msg.set_dst_uri(A); return msg.call_function('t_relay') },
           failed(msg) {
             msg.call_function('t_on_failure', 'failed')
             msg.set_dst_uri(A)
             msg.call_function('append_branch')
             return msg.call_function('t_relay')
           }`,
          { isolation, ...(maxBranches && { maxBranches }) },
        )
        const [a] = lab.servers
        a!.answer = (request) => request.method === 'INVITE' && a!.reply(request, 486)
        lab.request('INVITE')
        await lab.client.next(100)
        await lab.client.next(486)
        const invites = new Set(
          a!.received.filter(({ method }) => method === 'INVITE').map(({ topVia }) => topVia!.branch),
        )
        assert.equal(invites.size, maxBranches ?? 12)
        assert.ok(
          lab.log.records.some(
            ({ level, message }) => level === 'error' && /no more branches: maxBranches is/.test(message),
          ),
        )
      }
    })
  })
}

describe('branches', () => {
  it('append_branch returns -1 for one branch too many', async () => {
    await using lab = await Lab.open(
      `request_route(msg) {
        const said = []
        for (let n = 0; n < 13; n++) said.push(msg.call_function('append_branch', A))
        msg.appendHeader('X-Said', said.join(' '))
        msg.rewrite_ruri(B)
        return msg.call_function('t_relay')
      }`,
    )
    for (const server of lab.servers)
      server.answer = (request) => request.method === 'INVITE' && server.reply(request, 486)
    lab.request('INVITE')
    await lab.client.next(100)
    await lab.client.next(486)
    const branches = lab.servers.flatMap(({ received }) =>
      received.filter(({ method }) => method === 'INVITE'),
    )
    assert.equal(new Set(branches.map(({ topVia }) => topVia!.branch)).size, 12)
    assert.equal(branches[0]!.getHeader('X-Said'), `${'1 '.repeat(11)}-1 -1`)
  })

  it('that never reach a target are counted as well', async () => {
    for (const more of [
      "msg.rewrite_ruri('mailto:a@b')",
      "msg.set_dst_uri('sips:127.0.0.1')",
      "msg.call_function('t_on_branch', 'dropped')",
    ]) {
      await using lab = await Lab.open(
        `request_route(msg) { msg.call_function('t_on_failure', 'failed'); msg.set_dst_uri(A); ${more}; msg.call_function('t_relay', '', 'sips:127.0.0.1'); return 1 },
         dropped(msg) { return msg.call_function('drop') },
         failed(msg) {
           msg.call_function('t_on_failure', 'failed')
           ${more}
           msg.call_function('append_branch')
           return msg.call_function('t_relay', '', 'sips:127.0.0.1')
         }`,
      )
      lab.request('INVITE')
      while ((await lab.client.next()).status! < 400);
    }
  })

  it('t_reply of a provisional reply and nothing else gives 500', async () => {
    for (const method of ['INVITE', 'OPTIONS']) {
      await using lab = await Lab.open(
        `request_route(msg) { msg.call_function('t_reply', 183, 'Wait'); return 0 }`,
      )
      lab.request(method)
      await lab.client.next(183)
      await lab.client.next(500)
    }
  })

  it('a reply too large for a datagram is answered with 513', async () => {
    await using lab = await Lab.open(
      `request_route(msg) { msg.set_dst_uri(A); return 1 },
       onreply_route(msg) { msg.appendHeader('X-Large', 'x'.repeat(70000)); return 1 }`,
    )
    lab.request('OPTIONS')
    lab.servers[0]!.reply(await lab.servers[0]!.next('OPTIONS'), 200)
    await lab.client.next(513)
  })
})

describe('DNS', () => {
  const never = () => new Promise<never>(() => {})
  const opened = (records: Records, timers = {}) =>
    Lab.open(`request_route() { return 1 }`, { timers }, { records })

  it('that never answers delays a call for 4 s, or for frTimeoutMs', async () => {
    for (const [ms, timers] of [
      [4_000, {}],
      [2_000, { frTimeoutMs: 2_000 }],
    ] as const) {
      for (const stage of ['naptr', 'srv', 'addresses'] as const) {
        const records = {
          naptr: async () => [],
          srv: async () => [],
          addresses: async () => [],
          [stage]: never,
        }
        await using lab = await opened(records, timers)
        lab.request('INVITE')
        await lab.client.next(100)
        lab.clock.advance(ms - 1)
        await lab.settled()
        assert.equal(lab.client.summary(), '100')
        lab.clock.advance(1)
        await lab.client.next(500)
        assert.match(lab.log.records[0]!.message, /example\.net leads nowhere: DNS did not answer in \d+ ms/)
      }
    }
  })

  it('that answers after the deadline, or after CANCEL, is ignored', async () => {
    let answer: (ips: string[]) => void = () => {}
    const late = () =>
      new Promise<string[]>((resolve) => {
        answer = resolve
      })
    const lab = await opened({ naptr: async () => [], srv: async () => [], addresses: late })
    {
      await using _ = lab
      lab.request('INVITE')
      await lab.client.next(100)
      await lab.settled()
      lab.clock.advance(4_000)
      await lab.client.next(500)
      answer(['127.0.0.1'])
      const second = lab.request('INVITE')
      await lab.client.next(100)
      await lab.settled()
      lab.follow('CANCEL', second)
      await lab.client.next(200)
      await lab.client.next(487)
      answer(['127.0.0.1'])
      await lab.settled()
      assert.equal(lab.proxy.load.clientTransactions, 0)
    }
  })

  it('with a thousand records is asked at most 24 times, and 12 targets are tried', async () => {
    let asked = 0
    const many = Array.from({ length: 1_000 }, (_, n) => ({
      priority: 1,
      weight: n,
      name: `${n}.example`,
      port: 9,
    }))
    const count =
      <T>(value: T) =>
      async () => {
        asked++
        return value
      }
    await using lab = await opened({ naptr: async () => [], srv: count(many), addresses: count([]) })
    lab.request('INVITE')
    await lab.client.next(100)
    await lab.client.next(500)
    assert.ok(asked <= 26, `${asked} names were asked for`)
    const records = {
      naptr: async () => [],
      srv: async () => [],
      addresses: async () => Array(1_000).fill('127.0.0.1'),
    }
    await using other = await Lab.open(
      `request_route(msg) { msg.set_dst_uri('sip:many.example:' + A.split(':')[2]); return 1 }`,
      {},
      { records },
    )
    const [a] = other.servers
    a!.answer = (request) => request.method === 'INVITE' && a!.reply(request, 503)
    other.request('INVITE')
    await other.client.next(100)
    await other.client.next(500)
    const tried = a!.received.filter(({ method }) => method === 'INVITE').map(({ topVia }) => topVia!.branch)
    assert.ok(new Set(tried).size <= 12)
  })
})

describe('half-made connections', () => {
  const raw = (port: number) =>
    connect(port, '127.0.0.1')
      .on('error', () => {})
      .resume()

  for (const [transport, dribble] of [
    ['tls', '\x16'],
    ['ws', 'GET / HTTP/1.1\r\nX: '],
    ['wss', '\x16'],
  ] as const) {
    it(`${transport}: a handshake that is not finished in connectTimeoutMs is cut, even if bytes trickle in`, async () => {
      using pem = certificate()
      await using lab = await Lab.open(TO_A, {
        listen: ['udp:127.0.0.1:0', `${transport}:127.0.0.1:0`],
        tls: { key: pem.key, cert: pem.cert },
        limits: { maxConnectionsPerIp: 2 },
      })
      const { port } = lab.proxy.listening[1]!
      const sockets: Socket[] = [raw(port), raw(port)]
      await until('both', () => lab.proxy.load.handshakes === 2)
      for (let second = 0; second < 3; second++) {
        lab.clock.advance(1_000)
        for (const socket of sockets) socket.write(dribble)
        await lab.settled()
      }
      const third = raw(port)
      await once(third, 'close')
      lab.clock.advance(1_000)
      await until('the end of both', () => sockets.every(({ closed }) => closed))
      await until('zero', () => lab.proxy.load.connections === 0)
      assert.match(await lab.proxy.metrics(), /dropped_total\{reason="handshake"\} 2/)
      const again = raw(port)
      await until('one that may try again', () => lab.proxy.load.handshakes === 1)
      again.destroy()
    })
  }

  it('an open WebSocket has no handshake timer', async () => {
    await using lab = await Lab.open(TO_A, { listen: ['udp:127.0.0.1:0', 'ws:127.0.0.1:0'] })
    const socket = new WebSocket(`ws://127.0.0.1:${lab.proxy.listening[1]!.port}`, 'sip')
    await once(socket, 'open')
    await until('its end', () => lab.proxy.load.handshakes === 0)
    lab.clock.advance(5_000)
    await lab.settled()
    assert.equal(socket.readyState, WebSocket.OPEN)
    socket.terminate()
  })

  it('a connection attempt that times out leaves no socket', async () => {
    const server = createServer((socket) => socket.on('error', () => {}).resume()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    using pem = certificate()
    {
      await using lab = await Lab.open(
        `request_route(msg) { msg.set_dst_uri('sip:127.0.0.1:${port};transport=tls'); return 1 }`,
        {
          listen: ['udp:127.0.0.1:0', 'tls:127.0.0.1:0'],
          tls: { key: pem.key, cert: pem.cert },
        },
      )
      lab.request('INVITE')
      await lab.client.next(100)
      await until('the connection', () => lab.proxy.load.connections === 1)
      lab.clock.advance(4_000)
      await lab.client.next(500)
      await until('its end', () => lab.proxy.load.connections === 0)
    }
    server.close()
  })

  it('a connection that is half closed, reset, or full of CRLF leaves nothing', async () => {
    await using lab = await Lab.open(TO_A, { listen: ['udp:127.0.0.1:0', 'tcp:127.0.0.1:0'] })
    const { port } = lab.proxy.listening[1]!
    const half = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
      .on('error', () => {})
      .resume()
    const reset = raw(port)
    const chatty = raw(port)
    await Promise.all([half, reset, chatty].map((socket) => once(socket, 'connect')))
    half.end('OPTIONS')
    await once(half, 'end')
    half.destroy()
    reset.write('I')
    reset.resetAndDestroy()
    for (let n = 0; n < 1_000; n++) chatty.write('\r\n\r\n')
    await lab.settled()
    chatty.destroy()
    await until('zero', () => lab.proxy.load.connections === 0)
  })
})

describe('the cost of requests', () => {
  it('a request that comes back to this proxy many times is not tried over UDP after TCP: it reaches its target once', async () => {
    // The same port for both, as usual: a request that is too long for UDP reaches the proxy over TCP.
    const probe = createServer().listen(0, '127.0.0.1')
    await once(probe, 'listening')
    const { port } = probe.address() as AddressInfo
    await new Promise((resolve) => probe.close(resolve))
    await using lab = await Lab.open(
      `request_route(msg) { if (msg.call_function('loose_route') !== 1) msg.set_dst_uri(A); return 1 }`,
      { listen: [`udp:127.0.0.1:${port}`, `tcp:127.0.0.1:${port}`], timers: { frTimeoutMs: 2_000 } },
    )
    const own = `<sip:127.0.0.1:${lab.port};lr>`
    const routes = Array.from({ length: 5 }, (): [string, string] => ['Route', own])
    lab.request('OPTIONS', { headers: [...routes, ['X-Long', 'x'.repeat(2_000)]] })
    const [a] = lab.servers
    await a!.next('OPTIONS')
    for (let round = 0; round < 12; round++) {
      await lab.settled()
      lab.clock.advance(2_100)
    }
    await lab.settled()
    const branches = new Set(a!.received.map((message) => message.topVia!.branch))
    assert.ok(branches.size === 1, `${branches.size} requests`)
  }).timeout(60_000)

  it('an answered request keeps nothing of its text', async () => {
    await using lab = await Lab.open(
      `request_route(msg) { msg.call_function('t_reply', 404, 'No'); return 1 }`,
    )
    const count = 200
    const before = retained()
    for (let i = 0; i < count; i++) {
      lab.request('OPTIONS', { headers: [['X-Long', 'x'.repeat(50_000)]] })
      await lab.client.next(404)
    }
    assert.equal(lab.proxy.transactions.server, count)
    const each = (retained() - before) / count
    assert.ok(each < 25_000, `${each} bytes of each request of 50 kB`)
  }).timeout(60_000)

  for (const [kind, to] of [
    ['new', ''],
    ['of dialogs', ';tag=made-up'],
  ] as const) {
    it(`requests beyond maxUnfinishedBytes, ${kind}, are refused with 503`, async () => {
      await using lab = await Lab.open(TO_A, { limits: { maxUnfinishedBytes: 10_000 } })
      const [a] = lab.servers
      const long = () => lab.request('OPTIONS', { to, headers: [['X-Long', 'x'.repeat(4_000)]] })
      for (let i = 0; i < 3; i++) long()
      await lab.client.next(503)
      for (let i = 0; i < 2; i++) {
        a!.reply(await a!.next('OPTIONS'), 200)
        await lab.client.next(200)
      }
      long()
      a!.reply(await a!.next('OPTIONS'), 200)
      await lab.client.next(200)
    })
  }
})

/** Returns the bytes of the heap in use after a garbage collection. */
function retained(): number {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  collect()
  collect()
  return process.memoryUsage().heapUsed
}

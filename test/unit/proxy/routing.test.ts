/** Where requests and replies are sent (RFC 3261 sections 16.3 to 16.7 and 25.1). */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { locate, type Records } from '@siplet/proxy'
import { parseURI, SIPMessage } from '@siplet/sipmsg'
import { Lab } from '../../support/sip-peer.ts'

const ISOLATIONS = ['inline', 'thread', 'process'] as const
const RELAY = `request_route() { return 1 }`
const TO_A = `request_route(msg) { msg.set_dst_uri(A); return 1 }`

describe('a Request-URI', () => {
  const uris: [string, string, string][] = [
    ['? in the user part', 'sip:a?b@HOST', 'sip:a?b@HOST'],
    ['; in the user part', 'sip:alice;method=x@HOST', 'sip:alice;method=x@HOST'],
    ['both, and a password', 'sip:a;method=x?b:p;q?r@HOST', 'sip:a;method=x?b:p;q?r@HOST'],
    ['headers', 'sip:a?b@HOST?Subject=x&Route=%3Csip:b%3E', 'sip:a?b@HOST'],
    ['a method parameter', 'sip:a;method=x@HOST;method=INVITE;lr', 'sip:a;method=x@HOST;lr'],
    ['a method without value, and headers', 'sip:HOST;Method;a=b?c=d', 'sip:HOST;a=b'],
    ['a parameter that begins like it', 'sip:HOST;methods=x', 'sip:HOST;methods=x'],
  ]
  for (const [what, uri, expected] of uris) {
    it(`with ${what} is routed by its host`, async () => {
      await using lab = await Lab.open(RELAY)
      const host = lab.servers[0]!.uri.slice(4)
      lab.request('OPTIONS', { uri: uri.replace('HOST', host) })
      assert.equal((await lab.servers[0]!.next('OPTIONS')).ruri, expected.replace('HOST', host))
    })
  }

  it('is routed to maddr; a maddr of ours is removed, with port and transport (section 16.4)', async () => {
    await using lab = await Lab.open(
      `request_route(msg) { if (msg.RURI.includes('maddr')) return 1; msg.set_dst_uri(A); return 1 }`,
    )
    const [a, b] = lab.servers
    lab.request('OPTIONS', { uri: `sip:bob@elsewhere.invalid:${b!.port};maddr=127.0.0.1` })
    await b!.next('OPTIONS')
    lab.request('OPTIONS', { uri: `sip:bob@elsewhere.invalid:${lab.port};maddr=127.0.0.1;transport=udp;x=y` })
    assert.equal((await a!.next('OPTIONS')).ruri, 'sip:bob@elsewhere.invalid;x=y')
  })

  it('with tel is routed by a Route, and is refused without one', async () => {
    await using lab = await Lab.open(RELAY)
    const [a] = lab.servers
    lab.request('OPTIONS', { uri: 'tel:+4930123', headers: [['Route', `<${a!.uri};lr>`]] })
    assert.equal((await a!.next('OPTIONS')).ruri, 'tel:+4930123')
    lab.request('OPTIONS', { uri: 'tel:+4930123' })
    await lab.client.next(416)
    lab.request('OPTIONS', { uri: 'mailto:bob@example.net', headers: [['Route', `<${a!.uri};lr>`]] })
    await lab.client.next(416)
  })

  it('with a transport that we do not have is not sent', async () => {
    await using lab = await Lab.open(RELAY)
    lab.request('OPTIONS', { uri: `${lab.servers[0]!.uri};transport=sctp` })
    await lab.client.next(500)
    assert.equal(lab.servers[0]!.summary(), '')
  })

  it('of scheme sips is never reached without TLS (section 26.2.2)', async () => {
    const records: Records = {
      naptr: async () => [],
      srv: async () => [],
      addresses: async () => ['192.0.2.1'],
    }
    for (const transport of ['', ';transport=udp', ';transport=tcp', ';transport=tls', ';transport=ws']) {
      for (const host of ['192.0.2.1', 'example.com:5071']) {
        const uri = parseURI(`sips:${host}${transport}`)!
        const [target] = await locate(uri, records, { supports: () => true })
        assert.equal(target!.transport, transport === ';transport=ws' ? 'wss' : 'tls', `${host}${transport}`)
      }
    }
  })
})

describe('Route headers (section 16.4)', () => {
  it('are ours in every spelling of our address', async () => {
    await using lab = await Lab.open(TO_A, {
      listen: ['udp:127.0.0.1:0'],
      alias: ['[2001:db8::1]:5060', 'Proxy.Example'],
    })
    for (const host of [
      `127.0.0.1:${lab.port}`,
      `[::ffff:127.0.0.1]:${lab.port}`,
      `[0:0:0:0:0:FFFF:7F00:1]:${lab.port}`,
      '[2001:DB8:0:0:0::0001]',
      'proxy.example',
      'PROXY.EXAMPLE.',
      `elsewhere.invalid:${lab.port};maddr=127.0.0.1`,
    ]) {
      lab.request('OPTIONS', { headers: [['Route', `<sip:${host};lr>, <sip:next.invalid;lr>`]] })
      assert.equal((await lab.servers[0]!.next('OPTIONS')).getHeader('Route'), '<sip:next.invalid;lr>', host)
    }
    for (const host of ['127.0.0.1:1', '[::1]:5060', 'proxy.example.com', 'proxy.example;maddr=192.0.2.1']) {
      lab.request('OPTIONS', { headers: [['Route', `<sip:${host};lr>`]] })
      assert.equal((await lab.servers[0]!.next('OPTIONS')).getHeader('Route'), `<sip:${host};lr>`)
    }
  })

  it('are removed two at a time only if two were recorded (r2)', async () => {
    await using lab = await Lab.open(TO_A)
    const own = `<sip:127.0.0.1:${lab.port};lr>`
    lab.request('OPTIONS', { headers: [['Route', `${own},${own}`]] })
    assert.equal((await lab.servers[0]!.next('OPTIONS')).getHeader('Route'), own)
    lab.request('OPTIONS', { headers: [['Route', `${own.replace('lr', 'r2=on;lr')},${own}`]] })
    assert.equal((await lab.servers[0]!.next('OPTIONS')).getHeader('Route'), null)
  })

  for (const isolation of ISOLATIONS) {
    it(`${isolation}: give the script the parameters of record_route`, async () => {
      await using lab = await Lab.open(
        `request_route(msg) {
          const call = (...all) => msg.call_function(...all)
          const said = [call('loose_route'), call('has_totag'), call('check_route_param', 'ftag=a1'),
            call('check_route_param', ';NAT'), call('check_route_param', 'nat=no'), call('route_params', 'X-Params'),
            msg.getHeader('X-Params')]
          call('remove_hf', 'X-Params')
          msg.appendHeader('X-Said', said.join(' '))
          msg.set_dst_uri(A)
          return 1
        }`,
        { isolation },
      )
      const [a] = lab.servers
      const own = `<sip:127.0.0.1:${lab.port};lr;ftag=a1;nat=yes>`
      const said = async (headers: [string, string][], to = '', uri?: string) => {
        lab.request('OPTIONS', { headers, to, ...(uri && { uri }) })
        const arrived = await a!.next('OPTIONS')
        assert.equal(arrived.getHeader('X-Params'), null)
        return arrived.getHeader('X-Said')
      }
      const all = '1 1 1 -1 1 ;lr;ftag=a1;nat=yes'
      assert.equal(await said([['Route', own]], ';tag=b'), `1 ${all}`)
      // The Route names only us, the outbound proxy: there is no route set (as in OpenSIPS and Kamailio).
      assert.equal(await said([['Route', own]]), `-1 ${all.replace('1', '-1')}`)
      assert.equal(await said([['Route', `${own},<sip:x;lr>`]]), `1 ${all.replace('1', '-1')}`)
      assert.equal(await said([]), '-1 -1 -1 -1 -1 -1')
      assert.equal(await said([['Route', '<sip:x;lr>']]), '1 -1 -1 -1 -1 -1')
      // A strict router has put our Route into the Request-URI.
      const strict = await said([['Route', '<sip:bob@c>']], ';tag=b', own.slice(1, -1))
      assert.equal(strict, `1 ${all}`)
    })

    it(`${isolation}: a wrong argument is an error at the call`, async () => {
      await using lab = await Lab.open(
        `request_route(msg) {
          const bad = [['t_relay', 'udp:192.0.2.1:5060'], ['t_relay', 'no-such-flag'], ['t_relay', '', 'udp:'],
            ['t_relay', '', 'a b'], ['forward', 'sip:[1'], ['forward', '0x7f.1'], ['t_relay', '', 'udp:2130706433'], ['check_route_param', ''], ['route_params', 'a b']]
          const errors = bad.map((all) => {
            try { return String(msg.call_function(...all)) } catch (error) { return error.message }
          })
          msg.appendHeader('X-Errors', errors.map((text) => /is no (flag|destination)|"name"|header name/.exec(text)?.[0] ?? text).join(', '))
          return msg.call_function('t_relay', 'no-auto-477,no-dns-failover', A.slice(4))
        }`,
        { isolation },
      )
      lab.request('OPTIONS')
      assert.equal(
        (await lab.servers[0]!.next('OPTIONS')).getHeader('X-Errors'),
        `is no flag, is no flag, ${'is no destination, '.repeat(5)}"name", header name`,
      )
    })

    it(`${isolation}: drop() decides, and so does t_relay before it`, async () => {
      await using lab = await Lab.open(
        `request_route(msg) {
          const first = msg.getHeader('X-First')
          const codes = first === 'drop'
            ? [msg.call_function('drop'), msg.call_function('t_relay', '', A), msg.call_function('t_reply', 200, 'OK')]
            : [msg.call_function('t_relay', '', A), msg.call_function('drop')]
          msg.call_function('xlog', 'L_INFO', 'codes ' + codes.join(' '))
          return 1
        }`,
        { isolation },
      )
      const codes = () =>
        lab.log.records.map(({ message }) => message).filter((text) => text.includes('codes'))
      lab.request('OPTIONS', { headers: [['X-First', 'drop']] })
      while (codes().length === 0) await lab.settled()
      assert.match(codes()[0]!, /codes 1 -1 -1/)
      assert.equal(lab.servers[0]!.summary() + lab.client.summary(), '')
      lab.request('OPTIONS', { headers: [['X-First', 't_relay']] })
      await lab.servers[0]!.next('OPTIONS')
      assert.match(codes()[1]!, /codes 1 -1$/)
    })
  }
})

describe('headers that a proxy need not understand (section 16.3)', () => {
  const cases: [string, [string, string][]][] = [
    ['PRACK', []],
    ['REFER', []],
    ['SUBSCRIBE', []],
    ['NOTIFY', []],
    ['PUBLISH', [['Expires', 'soon']]],
    ['NOVEL', [['Contact', '<<']]],
    [
      'MESSAGE',
      [
        ['Content-Type', '?'],
        ['RAck', 'x'],
        ['Event', ''],
        ['Refer-To', '<'],
        ['Record-Route', 'nonsense'],
      ],
    ],
    [
      'INFO',
      [
        ['Subject', 'a'],
        ['Subject', 'b'],
        ['Date', 'today'],
      ],
    ],
  ]
  for (const [method, headers] of cases) {
    it(`pass: ${method} with ${JSON.stringify(headers)}`, async () => {
      await using lab = await Lab.open(TO_A)
      lab.request(method, { headers })
      await lab.servers[0]!.next(method)
    })
  }
})

describe('Via', () => {
  const vias: [string, string, string][] = [
    [
      ';x="a;rport;received=1.2.3.4;b"',
      ';x="a;rport;received=1.2.3.4;b"',
      'in a quoted string, there is no rport',
    ],
    [';x="\\";rport;"', ';x="\\";rport;"', 'nor after an escaped quote'],
    [';rport;x="a;rport;b"', ';x="a;rport;b";rport=PORT;received=127.0.0.1', 'beside a quoted one'],
    [';received=1.2.3.4 ; Rport = 9;y', ';y;rport=PORT;received=127.0.0.1', 'written by the client'],
    [';received;received="1.2.3.4";rport', ';rport=PORT;received=127.0.0.1', 'twice'],
  ]
  for (const [given, expected, what] of vias) {
    it(`is forwarded unchanged except for received and rport: ${what}`, async () => {
      await using lab = await Lab.open(TO_A)
      const sent = lab.request('OPTIONS', { via: given })
      const arrived = await lab.servers[0]!.next('OPTIONS')
      const via = sent.topVia!.toString().replace(given, expected.replace('PORT', String(lab.client.port)))
      assert.equal(arrived.vias[1]!.toString(), via)
      arrived.removeFirstVia()
      assert.equal(
        arrived.text.replace(via, sent.topVia!.toString()).replace('Max-Forwards: 69', 'Max-Forwards: 70'),
        sent.text,
      )
      lab.servers[0]!.reply(await again(arrived), 200)
      async function again(request: SIPMessage) {
        const whole = request.clone()
        whole.prependVia(lab.servers[0]!.received[0]!.topVia!.toString())
        return whole
      }
      await lab.client.next(200)
    })
  }

  it('keeps the bytes of other headers when received is noted', async () => {
    await using lab = await Lab.open(TO_A)
    const text = [
      'OPTIONS sip:bob@example.net SIP/2.0',
      'v:  SIP/2.0/UDP\thost.invalid ;branch=z9hG4bK-odd;rport \r\n , SIP/2.0/UDP \xe9.invalid:1',
      'X: \xff\r\n folded ',
      ...[
        'f: <sip:a@b>;tag=1',
        't: <sip:b@c>',
        'i: odd',
        'CSeq: 1 OPTIONS',
        'Max-Forwards: 70',
        'l: 0',
        '',
        '',
      ],
    ].join('\r\n')
    const socket = createSocket('udp4')
    socket.send(Buffer.from(text, 'latin1'), lab.port, '127.0.0.1')
    const arrived = await lab.servers[0]!.next('OPTIONS')
    const port = /;rport=(\d+)/.exec(arrived.text)![1]
    socket.close()
    const ours = arrived.topVia!.toString()
    const expected = text
      .replace(';rport ', `;rport=${port};received=127.0.0.1 `)
      .replace('Forwards: 70', 'Forwards: 69')
    assert.equal(arrived.text, expected.replace('v:', `Via: ${ours}\r\nv:`))
  })
})

describe('a loop', () => {
  for (const how of ['t_relay', 'forward']) {
    it(`${how}: is found by the branch of our Via: 482`, async () => {
      await using lab = await Lab.open(
        `request_route(msg) { return msg.call_function('${how}', ...${how === 'forward' ? '[' : "['', "}'127.0.0.1:' + msg.dst_address[1]]) }`,
      )
      lab.request('OPTIONS', { headers: [['Proxy-Authorization', 'Digest realm="x"']] })
      await lab.client.next(482)
    })
  }
})

describe('CANCEL', () => {
  for (const isolation of ISOLATIONS) {
    it(`${isolation}: matches its INVITE whatever its Max-Forwards says`, async () => {
      await using lab = await Lab.open(TO_A, { isolation })
      const { client, servers } = lab
      const invite = lab.request('INVITE')
      const arrived = await servers[0]!.next('INVITE')
      servers[0]!.reply(arrived, 180)
      await client.next(100)
      await client.next(180)
      const cancel = new SIPMessage(invite.text.replace(/^INVITE/, 'CANCEL').replace('1 INVITE', '1 CANCEL'))
      cancel.setHeader('Max-Forwards', '0')
      lab.resend(cancel)
      await client.next(200)
      await servers[0]!.next('CANCEL')
    })
  }

  it('without state takes the way of its INVITE, which had credentials', async () => {
    await using lab = await Lab.open(`request_route(msg) { return msg.call_function('forward', A.slice(4)) }`)
    const invite = lab.request('INVITE', { headers: [['Proxy-Authorization', 'Digest realm="x"']] })
    const arrived = await lab.servers[0]!.next('INVITE')
    const cancel = new SIPMessage(invite.text.replace(/^INVITE/, 'CANCEL').replace('1 INVITE', '1 CANCEL'))
    cancel.removeHeader('Proxy-Authorization')
    lab.resend(cancel)
    assert.equal((await lab.servers[0]!.next('CANCEL')).topVia!.toString(), arrived.topVia!.toString())
  })

  it('that matches nothing is then refused with 483', async () => {
    await using lab = await Lab.open(TO_A)
    const cancel = lab.request('OPTIONS', { headers: [['Proxy-Require', 'x']] })
    await lab.client.next(420)
    const text = cancel.text
      .replace(/^OPTIONS/, 'CANCEL')
      .replace('1 OPTIONS', '1 CANCEL')
      .replace('Max-Forwards: 70', 'Max-Forwards: 0')
    lab.resend(new SIPMessage(text))
    await lab.client.next(483)
  })
})

it('a Max-Forwards that a script made invalid is sent as 70', async () => {
  await using lab = await Lab.open(
    `request_route(msg) { msg.setHeader('Max-Forwards', 'abc'); msg.set_dst_uri(A); return 1 }`,
  )
  lab.request('OPTIONS')
  assert.equal((await lab.servers[0]!.next('OPTIONS')).getHeader('Max-Forwards'), '70')
})

describe('replies (section 16.7)', () => {
  it('whose only Via is ours are dropped, and the call continues', async () => {
    await using lab = await Lab.open(TO_A)
    const { client, servers } = lab
    lab.request('INVITE')
    const arrived = await servers[0]!.next('INVITE')
    await client.next(100)
    for (const status of [180, 200, 486]) {
      const lone = new SIPMessage(arrived.text.replace(/^.*/, `SIP/2.0 ${status} X`))
      const [first] = lone.getHeaders('Via')
      lone.setHeader('Via', first!)
      servers[0]!.send(lone, lab.port)
    }
    servers[0]!.reply(arrived, 183)
    await client.next(183)
    servers[0]!.reply(arrived, 486)
    await client.next(486)
  })

  it('to a branch of another process are not forwarded', async () => {
    await using lab = await Lab.open(
      `request_route(msg) { msg.call_function(msg.getHeader('X-How') ?? 't_relay', ...(msg.getHeader('X-How') ? [A.slice(4)] : ['', A.slice(4)])); return 1 }`,
    )
    const { client, servers, port } = lab
    const victim = servers[1]!
    const branches = [
      'z9hG4bK.s.0123456789abcdef.0123456789abcdef',
      'z9hG4bK.s.0.0.0.0123456789abcdef',
      'z9hG4bK.s.',
      '',
    ]
    lab.request('OPTIONS', { headers: [['X-How', 'forward']] })
    const stateless = await servers[0]!.next('OPTIONS')
    lab.request('OPTIONS')
    const stateful = await servers[0]!.next('OPTIONS')
    branches.push(
      stateless.topVia!.branch!,
      stateful.topVia!.branch!.slice(0, -1),
      `${stateless.topVia!.branch}0`,
    )
    for (const branch of branches) {
      for (const method of ['OPTIONS', 'INVITE', 'CANCEL']) {
        const forged = new SIPMessage(
          stateless.text.replace(/^.*/, 'SIP/2.0 200 OK').replace('1 OPTIONS', `1 ${method}`),
        )
        forged.removeHeader('Via')
        forged.insertHeader('Via', `SIP/2.0/UDP 127.0.0.1:${victim.port};branch=z9hG4bK-victim`)
        forged.prependVia(`SIP/2.0/UDP 127.0.0.1:${port};branch=${branch}`)
        servers[0]!.send(forged, port)
      }
    }
    servers[0]!.reply(stateless, 200)
    await client.next(200)
    servers[0]!.reply(stateful, 202)
    await client.next(202)
    await lab.settled()
    assert.equal(victim.summary(), '')
    assert.equal(client.summary(), '200 202')
  })
})

import assert from 'node:assert/strict'
import { Lab } from '../../support/sip-peer.ts'

const TO_A = `request_route(msg) { msg.set_dst_uri(A); return 1 }`

describe('relaying a request (RFC 3261 section 16)', () => {
  it('adds a Via, decrements Max-Forwards, answers 100, and changes nothing else', async () => {
    await using lab = await Lab.open(TO_A)
    const { client, servers, port } = lab
    const sent = lab.request('INVITE', { headers: [['X-Odd', '  two  spaces ']] })
    await client.next(100)
    const arrived = await servers[0]!.next('INVITE')
    const [ours, theirs] = arrived.vias
    assert.equal(`${ours!.host}:${ours!.port}`, `127.0.0.1:${port}`)
    assert.match(ours!.branch!, /^z9hG4bK/)
    assert.equal(theirs!.toString(), sent.topVia!.toString())
    assert.equal(arrived.getHeader('Max-Forwards'), '69')
    arrived.removeFirstVia()
    arrived.setHeader('Max-Forwards', '70')
    assert.equal(arrived.text, sent.text)
  })

  it('routes a call from INVITE to BYE by its Record-Route', async () => {
    await using lab = await Lab.open(
      `request_route(msg) {
        if (msg.call_function('loose_route') > 0) return 1
        msg.call_function('record_route', 'ftag=a1')
        msg.set_dst_uri(A)
        return 1
      }`,
    )
    const { client, servers, port } = lab
    const [server] = servers
    const invite = lab.request('INVITE')
    await client.next(100)
    const arrived = await server!.next('INVITE')
    assert.equal(arrived.getHeader('Record-Route'), `<sip:127.0.0.1:${port};lr;ftag=a1>`)
    server!.reply(arrived, 180)
    server!.reply(arrived, 200, { toTag: 'b1', headers: [['Contact', `<${server!.uri}>`]] })
    await client.next(180)
    const ok = await client.next(200)
    assert.equal(ok.vias.length, 1)
    const dialog = {
      uri: server!.uri,
      to: ';tag=b1',
      headers: [['Route', ok.getHeader('Record-Route')!] as [string, string]],
    }
    lab.request('ACK', dialog)
    const ack = await server!.next('ACK')
    assert.equal(ack.getHeader('Route'), null)
    assert.equal(ack.ruri, server!.uri)
    lab.request('BYE', dialog)
    server!.reply(await server!.next('BYE'), 200)
    await client.next(200)
    assert.equal(invite.vias.length, 1)
  })

  it('absorbs retransmissions of the client, and sends the 2xx of the server again', async () => {
    await using lab = await Lab.open(TO_A)
    const { client, servers } = lab
    const invite = lab.request('INVITE')
    const arrived = await servers[0]!.next('INVITE')
    await client.next(100)
    lab.resend(invite)
    await client.next(100)
    servers[0]!.reply(arrived, 200)
    await client.next(200)
    servers[0]!.reply(arrived, 200)
    await client.next(200)
    assert.equal(servers[0]!.summary(), 'INVITE')
  })

  it('notes received and rport in the Via, and replies to that port (RFC 3581)', async () => {
    await using lab = await Lab.open(TO_A)
    const { client, servers } = lab
    const branch = 'z9hG4bK-nat'
    lab.request('OPTIONS', { via: ';rport' })
    const first = await servers[0]!.next('OPTIONS')
    assert.equal(first.vias[1]!.rport, client.port)
    assert.equal(first.vias[1]!.received, '127.0.0.1')
    const behindNat = first.clone()
    behindNat.removeFirstVia()
    behindNat.setHeader('Via', `SIP/2.0/UDP 10.1.1.1:9;branch=${branch};rport;received=192.0.2.1`)
    lab.resend(behindNat)
    const second = await servers[0]!.next('OPTIONS')
    assert.equal(
      second.vias[1]!.toString(),
      `SIP/2.0/UDP 10.1.1.1:9;branch=${branch};rport=${client.port};received=127.0.0.1`,
    )
    servers[0]!.reply(second, 200)
    await client.next(200)
  })

  it('follows Route headers, and acts as a strict router for Routes without lr', async () => {
    await using lab = await Lab.open(`request_route() { return 1 }`)
    const { servers } = lab
    const [a, b] = servers
    lab.request('OPTIONS', { headers: [['Route', `<sip:127.0.0.1:${lab.port};lr>, <${a!.uri};lr>`]] })
    const loose = await a!.next('OPTIONS')
    assert.equal(loose.getHeader('Route'), `<${a!.uri};lr>`)
    assert.equal(loose.ruri, 'sip:bob@example.net')
    lab.request('OPTIONS', { headers: [['Route', `<${b!.uri}>`]] })
    const strict = await b!.next('OPTIONS')
    assert.equal(strict.ruri, b!.uri)
    assert.equal(strict.getHeader('Route'), '<sip:bob@example.net>')
  })

  it('undoes what a strict router did to the Request-URI', async () => {
    await using lab = await Lab.open(`request_route() { return 1 }`)
    const [a] = lab.servers
    lab.request('OPTIONS', { uri: `sip:127.0.0.1:${lab.port};lr`, headers: [['Route', `<${a!.uri}>`]] })
    assert.equal((await a!.next('OPTIONS')).ruri, a!.uri)
  })

  it('drops a request for which the script returns 0', async () => {
    await using lab = await Lab.open(`request_route() { return 0 }`)
    lab.request('INVITE')
    await lab.settled()
    assert.equal(lab.client.summary(), '')
    assert.equal(lab.proxy.health().unfinished, 0)
  })

  it('forwards without state, CANCEL and replies included', async () => {
    await using lab = await Lab.open(
      `request_route(msg) { msg.call_function('forward', A.slice(4)); return 1 }`,
    )
    const { client, servers } = lab
    const invite = lab.request('INVITE')
    const arrived = await servers[0]!.next('INVITE')
    lab.follow('CANCEL', invite)
    const cancel = await servers[0]!.next('CANCEL')
    assert.equal(cancel.topVia!.toString(), arrived.topVia!.toString())
    servers[0]!.reply(arrived, 487)
    await client.next(487)
    assert.deepEqual(lab.proxy.transactions, { client: 0, server: 0 })
  })
})

describe('requests that are not relayed (section 16.3)', () => {
  const cases: [string, Parameters<Lab['request']>, number][] = [
    ['Max-Forwards 0', ['OPTIONS', { headers: [] }], 483],
    ['a Proxy-Require', ['OPTIONS', { headers: [['Proxy-Require', 'foo, bar']] }], 420],
    ['a URI of another scheme', ['OPTIONS', { uri: 'mailto:bob@example.net' }], 416],
    ['a malformed Request-URI', ['OPTIONS', { uri: 'sip:bob@exa mple' }], 400],
    ['two From headers', ['OPTIONS', { headers: [['From', '<sip:mallory@example.com>;tag=m']] }], 400],
  ]
  for (const [what, [method, parts], status] of cases) {
    it(`answers ${what} with ${status}`, async () => {
      await using lab = await Lab.open(`request_route() { return 1 }`)
      if (status === 483) {
        const request = lab.request(method, { headers: [['Proxy-Require', 'x']] })
        await lab.client.next(420)
        request.removeHeader('Proxy-Require')
        request.setHeader('Max-Forwards', '0')
        lab.resend(request)
      } else lab.request(method, parts)
      const answer = await lab.client.next(status)
      if (status === 420) assert.equal(answer.getHeader('Unsupported'), 'foo, bar')
    })
  }

  it('finds a loop: 482', async () => {
    await using lab = await Lab.open(
      `request_route(msg) { msg.set_dst_uri('sip:127.0.0.1:' + msg.dst_address[1]); return 1 }`,
    )
    lab.request('OPTIONS')
    assert.equal((await lab.client.next(482)).vias.length, 1)
  })

  it('lets a spiral pass', async () => {
    await using lab = await Lab.open(
      `request_route(msg) {
        if (msg.RURI === 'sip:carol@example.net') msg.set_dst_uri(A)
        else { msg.rewrite_ruri('sip:carol@example.net'); msg.set_dst_uri('sip:127.0.0.1:' + msg.dst_address[1]) }
        return 1
      }`,
    )
    lab.request('OPTIONS')
    lab.servers[0]!.reply(await lab.servers[0]!.next('OPTIONS'), 200)
    await lab.client.next(200)
  })
})

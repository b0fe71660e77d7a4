/** Answers of the proxy itself, and targets that it excludes: 2xx of the script, 503 with Retry-After, STUN. */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { crc32 } from 'node:zlib'
import { SIPMessage } from '@siplet/sipmsg'
import { ManualClock } from '../../support/manual-clock.ts'
import { Lab } from '../../support/sip-peer.ts'

const ISOLATIONS = ['inline', 'thread', 'process'] as const

describe('t_reply(200) to an INVITE (RFC 3261 section 13.3.1.4)', () => {
  for (const isolation of ISOLATIONS) {
    it(`${isolation}: is sent again until the ACK comes; the ACK is not forwarded`, async () => {
      const clock = new ManualClock()
      await using lab = await Lab.open(
        `request_route(msg) {
          if (msg.Method === 'ACK') { msg.set_dst_uri(A); return 1 }
          return msg.call_function('t_reply', 200, 'OK')
        }`,
        { isolation },
        { clock },
      )
      const { client, servers } = lab
      const invite = lab.request('INVITE')
      const ok = await client.next(200)
      for (const ms of [500, 1_000, 2_000, 4_000, 4_000]) {
        clock.advance(ms - 1)
        await lab.settled()
        clock.advance(1)
        assert.equal((await client.next(200)).text, ok.text)
      }
      // The ACK is a transaction of its own.
      const ack = new SIPMessage(invite.text.replace(/^INVITE/, 'ACK').replace('1 INVITE', '1 ACK'))
      ack.setHeader('Via', ack.getHeader('Via')!.replace(/branch=.*/, 'branch=z9hG4bK-ack'))
      ack.setHeader('To', ok.getHeader('To')!)
      lab.resend(ack)
      lab.resend(ack)
      await lab.settled()
      clock.advance(100_000)
      await lab.settled()
      assert.equal(client.summary(), '200 200 200 200 200 200')
      assert.equal(servers[0]!.summary(), '')
      assert.deepEqual(lab.proxy.transactions, { client: 0, server: 0 })
    })
  }

  it('ends after 64 T1 without an ACK; another ACK is routed', async () => {
    const clock = new ManualClock()
    await using lab = await Lab.open(
      `request_route(msg) {
        if (msg.Method === 'ACK') { msg.set_dst_uri(A); return 1 }
        return msg.call_function('t_reply', 200, 'OK')
      }`,
      {},
      { clock },
    )
    lab.request('INVITE')
    await lab.client.next(200)
    lab.request('ACK', { to: ';tag=other' })
    await lab.servers[0]!.next('ACK')
    clock.advance(100_000)
    await lab.settled()
    const count = lab.client.received.length
    clock.advance(100_000)
    await lab.settled()
    assert.equal(lab.client.received.length, count)
    // After 0.5, 1.5, 3.5 s, and then every 4 s up to 31.5 s.
    assert.equal(lab.client.summary(), '200'.concat(' 200'.repeat(10)))
  })
})

describe('503 with Retry-After (section 21.5.4)', () => {
  const FAILOVER = `request_route(msg) { msg.set_dst_uri(msg.getHeader('X-To') === 'B' ? B : A); return 1 }`
  it('keeps requests from that target for that time, and from no other target', async () => {
    const clock = new ManualClock()
    await using lab = await Lab.open(FAILOVER, {}, { clock })
    const { client, servers } = lab
    const [a, b] = servers
    lab.request('OPTIONS')
    a!.reply(await a!.next('OPTIONS'), 503, { headers: [['Retry-After', '120 (busy);duration=5']] })
    await client.next(500)
    lab.request('OPTIONS')
    await client.next(500)
    lab.request('OPTIONS', { headers: [['X-To', 'B']] })
    b!.reply(await b!.next('OPTIONS'), 200)
    await client.next(200)
    clock.advance(119_999)
    lab.request('OPTIONS')
    await client.next(500)
    assert.equal(a!.summary(), 'OPTIONS')
    clock.advance(1)
    lab.request('OPTIONS')
    a!.reply(await a!.next('OPTIONS'), 200)
    await client.next(200)
  })

  it('lasts at most maxRetryAfterMs; without a number, or with 0, it has no effect', async () => {
    const clock = new ManualClock()
    await using lab = await Lab.open(FAILOVER, { timers: { maxRetryAfterMs: 1_000 } }, { clock })
    const { client, servers } = lab
    const [a] = servers
    for (const value of ['', 'soon', '0', '-5']) {
      lab.request('OPTIONS')
      a!.reply(await a!.next('OPTIONS'), 503, { headers: [['Retry-After', value]] })
      await client.next(500)
    }
    lab.request('OPTIONS')
    a!.reply(await a!.next('OPTIONS'), 503, { headers: [['Retry-After', '99999999999999999999']] })
    await client.next(500)
    clock.advance(1_000)
    lab.request('OPTIONS')
    await a!.next('OPTIONS')
  })
})

describe('STUN on the UDP port (RFC 5626 section 4.4.2)', () => {
  const request = (attributes = '', type = '0001') =>
    Buffer.from(
      `${type}${(attributes.length / 2).toString(16).padStart(4, '0')}2112a442${'0102030405060708090a0b0c'}${attributes}`,
      'hex',
    )

  it('answers a binding request with the address it came from, and drops the rest', async () => {
    await using lab = await Lab.open(`request_route() { return 0 }`)
    const socket = createSocket('udp4').bind(0, '127.0.0.1')
    await once(socket, 'listening')
    const ask = async (bytes: Buffer) => {
      socket.send(bytes, lab.port, '127.0.0.1')
      return (await once(socket, 'message'))[0] as Buffer
    }
    const good = await ask(request())
    assert.equal(good.subarray(0, 2).toString('hex'), '0101')
    assert.deepEqual(good.subarray(4, 20), request().subarray(4, 20))
    assert.equal(good.length, 32)
    assert.equal(good.readUInt16BE(26) ^ 0x2112, socket.address().port)
    assert.equal((good.readUInt32BE(28) ^ 0x2112a442) >>> 0, 0x7f000001)
    // Attributes that need not be understood are ignored; one that must be understood gives 420.
    assert.equal((await ask(request('8022000473697031'))).readUInt16BE(0), 0x0101)
    const refused = await ask(request('0006000461626364'))
    assert.equal(refused.readUInt16BE(0), 0x0111)
    assert.equal(refused.subarray(20).toString('hex'), '00090004000004140' + '00a0002' + '00060000')
    // FINGERPRINT is accepted if it is correct.
    const marked = request('8028000400000000')
    marked.writeUInt32BE((crc32(marked.subarray(0, 20)) ^ 0x5354554e) >>> 0, 24)
    const answer = await ask(marked)
    assert.equal(answer.readUInt32BE(answer.length - 4), (crc32(answer.subarray(0, -8)) ^ 0x5354554e) >>> 0)
    marked[24]! ^= 1
    const nothing = [
      marked,
      request('', '0011'),
      request('', '0101'),
      request().subarray(0, 19),
      request('8022ffff'),
      request('80220003616263'),
    ]
    for (const bytes of nothing) socket.send(bytes, lab.port, '127.0.0.1')
    await lab.settled()
    assert.equal((await ask(request())).readUInt16BE(0), 0x0101)
    assert.match(await lab.proxy.metrics(), /dropped_total\{reason="stun"\} 5/)
    socket.close()
  })
})

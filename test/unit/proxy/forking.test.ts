import assert from 'node:assert/strict'
import { ManualClock } from '../../support/manual-clock.ts'
import { Lab } from '../../support/sip-peer.ts'

const FORK = `request_route(msg) {
  msg.rewrite_ruri(A)
  msg.call_function('append_branch', B)
  msg.call_function('t_relay')
  return 1
}`

/** Returns an INVITE that has arrived at both servers. */
async function forked(lab: Lab) {
  const invite = lab.request('INVITE')
  await lab.client.next(100)
  const [a, b] = lab.servers
  return { invite, a: a!, b: b!, atA: await a!.next('INVITE'), atB: await b!.next('INVITE') }
}

describe('forking (RFC 3261 section 16.7)', () => {
  it('forwards every 18x, and one 200; the other branch is cancelled', async () => {
    await using lab = await Lab.open(FORK)
    const { a, b, atA, atB } = await forked(lab)
    assert.notEqual(atA.topVia!.branch, atB.topVia!.branch)
    a.reply(atA, 180)
    b.reply(atB, 183)
    const ringing = [(await lab.client.next()).status, (await lab.client.next()).status]
    assert.deepEqual(ringing.sort(), [180, 183])
    a.reply(atA, 200)
    await lab.client.next(200)
    const cancel = await b.next('CANCEL')
    assert.equal(cancel.topVia!.toString(), atB.topVia!.toString())
    b.reply(cancel, 200)
    b.reply(atB, 487)
    const ack = await b.next('ACK')
    assert.equal(ack.topVia!.branch, atB.topVia!.branch)
    await lab.settled()
    assert.match(lab.client.summary(), /^100 18[03] 18[03] 200$/)
  })

  it('cancels a silent branch as soon as it answers', async () => {
    await using lab = await Lab.open(FORK)
    const { a, b, atA, atB } = await forked(lab)
    a.reply(atA, 200)
    await lab.client.next(200)
    assert.equal(b.summary(), 'INVITE')
    b.reply(atB, 180)
    await b.next('CANCEL')
    await lab.settled()
    assert.equal(lab.client.summary(), '100 200')
  })

  it('forwards the 200 of both branches if both answer', async () => {
    await using lab = await Lab.open(FORK)
    const { a, b, atA, atB } = await forked(lab)
    a.reply(atA, 200, { toTag: 'a' })
    await lab.client.next(200)
    b.reply(atB, 200, { toTag: 'b' })
    assert.equal((await lab.client.next(200)).toTag, 'b')
  })

  it('answers with the best failure if all branches fail', async () => {
    for (const [first, second, best] of [
      [503, 486, 486],
      [404, 500, 404],
      [486, 407, 407],
      [302, 404, 302],
      [503, 503, 500],
    ] as const) {
      await using lab = await Lab.open(FORK)
      const { a, b, atA, atB } = await forked(lab)
      a.reply(atA, first)
      await a.next('ACK')
      assert.equal(lab.client.summary(), '100')
      b.reply(atB, second)
      await lab.client.next(best)
    }
  })

  it('cancels the other branches on a 6xx, and answers with the 6xx', async () => {
    await using lab = await Lab.open(FORK)
    const { a, b, atA, atB } = await forked(lab)
    b.reply(atB, 180)
    await lab.client.next(180)
    a.reply(atA, 603)
    await b.next('CANCEL')
    b.reply(atB, 487)
    await lab.client.next(603)
  })

  it('puts the challenges of all branches into one reply', async () => {
    await using lab = await Lab.open(FORK)
    const { a, b, atA, atB } = await forked(lab)
    a.reply(atA, 401, { headers: [['WWW-Authenticate', 'Digest realm="a", nonce="1"']] })
    await a.next('ACK')
    b.reply(atB, 407, { headers: [['Proxy-Authenticate', 'Digest realm="b", nonce="2"']] })
    const answer = await lab.client.next(401)
    assert.match(answer.getHeader('WWW-Authenticate')!, /realm="a"/)
    assert.match(answer.getHeader('Proxy-Authenticate')!, /realm="b"/)
  })
})

describe('CANCEL (section 16.10)', () => {
  it('is answered at once, and sent to every branch that rings', async () => {
    await using lab = await Lab.open(FORK)
    const { invite, a, b, atA, atB } = await forked(lab)
    a.reply(atA, 180)
    b.reply(atB, 180)
    await lab.client.next(180)
    await lab.client.next(180)
    lab.follow('CANCEL', invite)
    await lab.client.next(200)
    for (const [peer, arrived] of [
      [a, atA],
      [b, atB],
    ] as const) {
      peer.reply(await peer.next('CANCEL'), 200)
      peer.reply(arrived, 487)
      await peer.next('ACK')
    }
    const terminated = await lab.client.next(487)
    lab.follow('ACK', invite, terminated.getHeader('To')!)
    await lab.settled()
    assert.equal(a.summary(), 'INVITE CANCEL ACK', 'the ACK of the client goes no further')
    assert.equal(lab.proxy.health().unfinished, 0)
  })

  it('does not wait for a peer that never ends its INVITE', async () => {
    const clock = new ManualClock()
    await using lab = await Lab.open(`request_route(msg) { msg.set_dst_uri(A); return 1 }`, {}, { clock })
    const invite = lab.request('INVITE')
    await lab.client.next(100)
    const [a] = lab.servers
    const arrived = await a!.next('INVITE')
    a!.reply(arrived, 180)
    await lab.client.next(180)
    lab.follow('CANCEL', invite)
    await lab.client.next(200)
    a!.reply(await a!.next('CANCEL'), 200)
    await lab.settled()
    clock.advance(32_000)
    await lab.client.next(487)
  })

  it('that matches nothing is routed like any other request', async () => {
    await using lab = await Lab.open(`request_route(msg) { msg.set_dst_uri(A); return 1 }`)
    lab.request('CANCEL')
    const cancel = await lab.servers[0]!.next('CANCEL')
    lab.servers[0]!.reply(cancel, 481)
    await lab.client.next(481)
  })
})

describe('timeouts', () => {
  const TO_A = `request_route(msg) { msg.set_dst_uri(A); return 1 }`

  it('answer 408 to an INVITE that nobody answers', async () => {
    const clock = new ManualClock()
    await using lab = await Lab.open(TO_A, {}, { clock })
    lab.request('INVITE')
    await lab.client.next(100)
    await lab.servers[0]!.next('INVITE')
    clock.advance(32_000)
    await lab.client.next(408)
  })

  it('answer nothing to other requests, which have timed out at the client by then (RFC 4320)', async () => {
    const clock = new ManualClock()
    await using lab = await Lab.open(TO_A, {}, { clock })
    lab.request('OPTIONS')
    await lab.servers[0]!.next('OPTIONS')
    clock.advance(32_000)
    await lab.settled()
    assert.equal(lab.client.summary(), '')
    assert.deepEqual(lab.proxy.transactions, { client: 0, server: 0 })
  })

  it('cancel a call that rings too long (timer C), and answer 408', async () => {
    const clock = new ManualClock()
    await using lab = await Lab.open(TO_A, {}, { clock })
    lab.request('INVITE')
    await lab.client.next(100)
    const [a] = lab.servers
    const arrived = await a!.next('INVITE')
    a!.reply(arrived, 180)
    await lab.client.next(180)
    clock.advance(179_000)
    a!.reply(arrived, 180)
    await lab.client.next(180)
    clock.advance(179_000)
    assert.equal(a!.summary(), 'INVITE', 'each provisional reply starts it anew')
    clock.advance(1_000)
    await a!.next('CANCEL')
    await lab.client.next(408)
  })
})

import assert from 'node:assert/strict'
import { ProxyError, type ServerTransaction, serverKey, TIMERS, TransactionLayer } from '@siplet/proxy'
import { reply, SIPMessage } from '@siplet/sipmsg'
import { ManualClock } from '../../support/manual-clock.ts'
import { sip } from '../../support/messages.ts'

const VIA = 'SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-tx'

/** Returns a request with this method, and a Via with the branch of the transactions. */
function requestOf(method: string, via = VIA): SIPMessage {
  return new SIPMessage(
    sip({
      startLine: `${method} sip:bob@example.net SIP/2.0`,
      headers: [
        ['Via', via],
        ['Route', '<sip:edge.example.net;lr>'],
        ['From', '<sip:alice@example.com>;tag=a1'],
        ['To', '<sip:bob@example.net>'],
        ['Call-ID', 'tx@example.com'],
        ['CSeq', `7 ${method}`],
      ],
    }),
  )
}

/** Returns a client transaction on a clock that stands still, and everything it did, with times. */
function client(method: string, reliable = false) {
  const clock = new ManualClock()
  const sent: [number, string][] = []
  const told: [number, string][] = []
  let fail: (error: ProxyError) => void = () => {}
  const layer = new TransactionLayer(clock, TIMERS, () => {})
  const message = requestOf(method)
  const send = (text: string, failed: (error: ProxyError) => void) => {
    sent.push([clock.now, new SIPMessage(text).method!])
    fail = failed
  }
  layer.startClient({ message, reliable, send }, 'z9hG4bK-tx', {
    callId: null,
    reply: ({ status }) => told.push([clock.now, String(status)]),
    timedOut: () => told.push([clock.now, 'timed out']),
    failed: () => told.push([clock.now, 'failed']),
  })
  return {
    clock,
    sent,
    told,
    layer,
    fail: () => fail(new ProxyError('ERR_SIPLET_PROXY_SEND', 'refused')),
    receive: (status: number) => layer.receiveReply(reply(message, status), message.topVia!),
  }
}

/** Returns a server transaction, and the status codes that it sent, with times. */
function server(method: string, reliable = false) {
  const clock = new ManualClock()
  const sent: [number, number][] = []
  const layer = new TransactionLayer(clock, TIMERS, () => {})
  const message = requestOf(method)
  const transaction: ServerTransaction = layer.createServer(method, keyOf(message), reliable, (text) =>
    sent.push([clock.now, new SIPMessage(text).status!]),
  )
  return {
    clock,
    sent,
    layer,
    answer: (status: number) => transaction.reply(status, reply(message, status).text),
    /** Passes the request again, its ACK or another ACK. Returns whether a transaction handled it. */
    receive: (again: string, via = VIA) => {
      const request = requestOf(again, via)
      return layer.receiveRequest(request, keyOf(request))
    },
  }
}

const keyOf = (request: SIPMessage) => serverKey(request, request.topVia!)

const times = (list: [number, unknown][]) => list.map(([at]) => at)

describe('INVITE client transaction (RFC 3261 section 17.1.1)', () => {
  it('retransmits after T1, then twice as long each time, and gives up after 64 T1', () => {
    const { clock, sent, told, layer } = client('INVITE')
    clock.advance(40_000)
    assert.deepEqual(times(sent), [0, 500, 1_500, 3_500, 7_500, 15_500, 31_500])
    assert.deepEqual(told, [[32_000, 'timed out']])
    assert.equal(layer.size.client, 0)
    assert.equal(clock.running, 0)
  })

  it('retransmits nothing over a reliable transport, and still gives up', () => {
    const { clock, sent, told } = client('INVITE', true)
    clock.advance(40_000)
    assert.deepEqual(times(sent), [0])
    assert.deepEqual(told, [[32_000, 'timed out']])
  })

  it('waits without limit after a provisional reply', () => {
    const { clock, sent, told, receive } = client('INVITE')
    clock.advance(600)
    receive(180)
    clock.advance(200_000)
    assert.deepEqual(times(sent), [0, 500])
    assert.deepEqual(told, [[600, '180']])
  })

  it('acknowledges a 486 and its retransmissions for 32 s', () => {
    const { clock, sent, told, layer, receive } = client('INVITE')
    receive(486)
    clock.advance(500)
    receive(486)
    assert.deepEqual(sent, [
      [0, 'INVITE'],
      [0, 'ACK'],
      [500, 'ACK'],
    ])
    assert.deepEqual(told, [[0, '486']])
    clock.advance(31_499)
    assert.equal(layer.size.client, 1)
    clock.advance(1)
    assert.equal(layer.size.client, 0)
  })

  it('is over with the ACK over a reliable transport', () => {
    const { layer, receive } = client('INVITE', true)
    receive(486)
    assert.equal(layer.size.client, 0)
  })

  it('passes every 2xx to its user for 64 T1, and acknowledges none (RFC 6026)', () => {
    const { clock, sent, told, receive } = client('INVITE')
    receive(200)
    clock.advance(1_000)
    receive(200)
    receive(486)
    clock.advance(31_000)
    assert.equal(receive(200), false)
    assert.deepEqual(told, [
      [0, '200'],
      [1_000, '200'],
    ])
    assert.deepEqual(times(sent), [0])
  })

  it('reports a transport error once', () => {
    const { clock, told, fail, layer } = client('INVITE')
    fail()
    fail()
    clock.advance(40_000)
    assert.deepEqual(told, [[0, 'failed']])
    assert.equal(layer.size.client, 0)
  })

  const writesAck = (message: SIPMessage) => {
    const texts: string[] = []
    const layer = new TransactionLayer(new ManualClock(), TIMERS, () => {})
    layer.startClient({ message, reliable: false, send: (sent) => texts.push(sent) }, 'z9hG4bK-tx', {
      callId: null,
      reply() {},
      timedOut() {},
      failed() {},
    })
    layer.receiveReply(reply(message, 404, { toTag: 'b9' }), message.topVia!)
    assert.equal(
      texts[1]!,
      [
        'ACK sip:bob@example.net SIP/2.0',
        `Via: ${VIA}`,
        'Route: <sip:edge.example.net;lr>',
        'From: <sip:alice@example.com>;tag=a1',
        'To: <sip:bob@example.net>;tag=b9',
        'Call-ID: tx@example.com',
        'CSeq: 7 ACK',
        'Max-Forwards: 70',
        'Content-Length: 0',
        '\r\n',
      ].join('\r\n'),
    )
  }

  it('writes the ACK of section 17.1.1.3', () => writesAck(requestOf('INVITE')))

  it('also writes it for an INVITE that begins with empty lines and has extra spaces', () => {
    const { text } = requestOf('INVITE')
    writesAck(new SIPMessage(text.replace(/^INVITE (\S+) SIP/, '\r\n\r\nINVITE   $1  SIP')))
  })
})

describe('non-INVITE client transaction (section 17.1.2)', () => {
  it('retransmits up to every T2, and gives up after 64 T1', () => {
    const { clock, sent, told } = client('OPTIONS')
    clock.advance(40_000)
    assert.deepEqual(
      times(sent),
      [0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500],
    )
    assert.deepEqual(told, [[32_000, 'timed out']])
  })

  it('retransmits every T2 after a provisional reply', () => {
    const { clock, sent, receive } = client('OPTIONS')
    receive(100)
    clock.advance(9_000)
    assert.deepEqual(times(sent), [0, 500, 4_500, 8_500])
  })

  it('absorbs retransmissions of the final reply for T4', () => {
    const { clock, told, layer, receive } = client('OPTIONS')
    receive(200)
    assert.equal(receive(200), true)
    assert.deepEqual(told, [[0, '200']])
    clock.advance(5_000)
    assert.equal(layer.size.client, 0)
    assert.equal(receive(200), false)
  })
})

describe('INVITE server transaction (section 17.2.1)', () => {
  it('answers retransmissions with the last provisional reply', () => {
    const { sent, answer, receive } = server('INVITE')
    assert.equal(receive('INVITE'), true)
    answer(100)
    answer(180)
    receive('INVITE')
    assert.deepEqual(sent, [
      [0, 100],
      [0, 180],
      [0, 180],
    ])
  })

  it('retransmits a 486 until the ACK comes, up to every T2', () => {
    const { clock, sent, answer, receive, layer } = server('INVITE')
    answer(486)
    clock.advance(12_000)
    assert.deepEqual(times(sent), [0, 500, 1_500, 3_500, 7_500, 11_500])
    assert.equal(receive('ACK'), true)
    clock.advance(4_999)
    assert.equal(sent.length, 6)
    assert.equal(receive('ACK'), true, 'absorbs further ACKs for T4')
    clock.advance(1)
    assert.equal(layer.size.server, 0)
  })

  it('gives up without an ACK after 64 T1', () => {
    const { clock, answer, layer } = server('INVITE')
    answer(486)
    clock.advance(31_999)
    assert.equal(layer.size.server, 1)
    clock.advance(1)
    assert.equal(layer.size.server, 0)
    assert.equal(clock.running, 0)
  })

  it('does not retransmit a 2xx, absorbs the INVITE, and leaves the ACK to the core (RFC 6026)', () => {
    const { clock, sent, answer, receive, layer } = server('INVITE')
    answer(200)
    clock.advance(3_000)
    assert.equal(receive('INVITE'), true)
    assert.equal(receive('ACK'), false)
    answer(200)
    assert.equal(answer(486), false)
    assert.deepEqual(sent, [
      [0, 200],
      [3_000, 200],
    ])
    clock.advance(29_000)
    assert.equal(layer.size.server, 0)
  })

  it('sends one final reply only', () => {
    const { answer } = server('INVITE')
    assert.equal(answer(404), true)
    assert.equal(answer(486), false)
    assert.equal(answer(200), false)
  })
})

describe('non-INVITE server transaction (section 17.2.2)', () => {
  it('answers retransmissions only after the core has replied, with that reply, for 64 T1', () => {
    const { clock, sent, answer, receive } = server('OPTIONS')
    assert.equal(receive('OPTIONS'), true)
    answer(200)
    receive('OPTIONS')
    assert.deepEqual(
      sent.map(([, status]) => status),
      [200, 200],
    )
    clock.advance(32_000)
    assert.equal(receive('OPTIONS'), false)
  })

  it('is over with the reply over a reliable transport', () => {
    const { answer, layer } = server('OPTIONS', true)
    answer(200)
    assert.equal(layer.size.server, 0)
  })
})

describe('matching (sections 17.1.3 and 17.2.3)', () => {
  it('is by branch, sent-by and method', () => {
    const { receive } = server('INVITE')
    assert.equal(receive('INVITE', VIA.replace('-tx', '-other')), false)
    assert.equal(receive('INVITE', VIA.replace('192.0.2.1', '192.0.2.2')), false)
    assert.equal(receive('INVITE', VIA.replace(':5060', ':5070')), false)
    assert.equal(receive('OPTIONS'), false)
    assert.equal(receive('INVITE'), true)
  })

  it('finds the INVITE of a CANCEL', () => {
    const { layer } = server('INVITE')
    const cancel = requestOf('CANCEL')
    assert.notEqual(layer.cancelled(cancel, cancel.topVia!), undefined)
    const other = requestOf('CANCEL', VIA.replace('-tx', '-other'))
    assert.equal(layer.cancelled(other, other.topVia!), undefined)
  })

  it('of a client of RFC 2543 is by what its retransmissions and its ACK have in common', () => {
    const clock = new ManualClock()
    const layer = new TransactionLayer(clock, TIMERS, () => {})
    const old = 'SIP/2.0/UDP 192.0.2.1'
    const invite = requestOf('INVITE', old)
    const transaction = layer.createServer('INVITE', keyOf(invite), false, () => {})
    transaction.reply(486, reply(invite, 486).text)
    for (const method of ['INVITE', 'ACK']) {
      const again = requestOf(method, old)
      assert.equal(layer.receiveRequest(again, keyOf(again)), true, method)
    }
    const other = new SIPMessage(invite.text.replace('7 INVITE', '8 INVITE'))
    assert.equal(layer.receiveRequest(other, keyOf(other)), false)
  })

  it('of replies is by branch and the method of CSeq', () => {
    const { layer } = client('INVITE')
    const cancel = requestOf('CANCEL')
    assert.equal(layer.receiveReply(reply(cancel, 200), cancel.topVia!), false)
  })
})

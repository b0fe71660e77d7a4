import assert from 'node:assert/strict'
import { reply, request, SIPMessage, validate } from '@siplet/sipmsg'
import { raw, SDP } from '../../support/messages.ts'

const HEADERS = [
  ['Via', 'SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-1'],
  ['From', '"Zoë" <sip:zoe@example.com>;tag=a1'],
  ['To', '<sip:bob@example.net>'],
  ['Call-ID', 'call-1@example.com'],
  ['CSeq', '1 INVITE'],
  ['Contact', '<sip:zoe@192.0.2.10>'],
] as const

const RECEIVED = raw([
  'INVITE sip:bob@example.net SIP/2.0',
  'v: SIP/2.0/UDP proxy.example.com;branch=z9hG4bK-2, SIP/2.0/UDP a;branch=z9hG4bK-1',
  'Via: SIP/2.0/UDP b',
  '  ;branch=z9hG4bK-0',
  'Record-Route: <sip:proxy.example.com;lr>',
  'From: sip:alice@example.com;tag=a1',
  't: "\xff" <sip:bob@example.net>',
  'Call-ID: call-1@example.com',
  'CSeq:   7   INVITE',
  'Timestamp: 54',
  'Subject: not for the reply',
  'Max-Forwards: 70',
  'Contact: <sip:alice@192.0.2.10>',
  'Content-Length: 0',
])

describe('request', () => {
  it('is written from its parts, and is valid', () => {
    const message = request({
      method: 'INVITE',
      uri: 'sip:bob@example.net',
      headers: [...HEADERS, ['Content-Type', 'application/sdp']],
      body: SDP,
    })
    assert.deepEqual(validate(message), [])
    assert.equal(message.from?.displayName, 'Zoë')
    assert.equal(message.maxForwards, 70)
    assert.equal(message.contentLength, SDP.length)
    assert.equal(message.body, SDP)
  })

  it('counts the bytes of a body, not its characters', () => {
    assert.equal(request({ method: 'MESSAGE', uri: 'sip:a', headers: [], body: 'é' }).contentLength, 2)
    const bytes = request({ method: 'MESSAGE', uri: 'sip:a', headers: [], body: Uint8Array.of(0, 255) })
    assert.equal(bytes.bodyText, '\0\xff')
  })

  it('refuses parts that would inject something else', () => {
    const parts = { method: 'INVITE', uri: 'sip:a@b', headers: [] }
    assert.throws(() => request({ ...parts, method: 'IN VITE' }), { code: 'ERR_SIPLET_METHOD' })
    assert.throws(() => request({ ...parts, uri: 'sip:a@b SIP/2.0\r\nX: y' }), { code: 'ERR_SIPLET_URI' })
    assert.throws(() => request({ ...parts, headers: [['X:', 'y']] }), { code: 'ERR_SIPLET_HEADER_NAME' })
    assert.throws(() => request({ ...parts, headers: [['X', 'y\r\nZ: 1']] }), {
      code: 'ERR_SIPLET_INJECTION',
    })
    assert.throws(() => request({ ...parts, headers: [['l', '5']] }), { code: 'ERR_SIPLET_CONTENT_LENGTH' })
  })
})

describe('reply', () => {
  it('copies what section 8.2.6 says, byte for byte, and nothing else', () => {
    const { text } = reply(new SIPMessage(RECEIVED), 404, { toTag: 'z9' })
    assert.equal(
      text,
      raw([
        'SIP/2.0 404 Not Found',
        'Via: SIP/2.0/UDP proxy.example.com;branch=z9hG4bK-2, SIP/2.0/UDP a;branch=z9hG4bK-1',
        'Via: SIP/2.0/UDP b',
        '  ;branch=z9hG4bK-0',
        'From: sip:alice@example.com;tag=a1',
        'To: "\xff" <sip:bob@example.net>;tag=z9',
        'Call-ID: call-1@example.com',
        'CSeq: 7   INVITE',
        'Content-Length: 0',
      ]),
    )
  })

  it('to an INVITE that creates a dialog copies Record-Route (section 12.1.1)', () => {
    const routes = (status: number) => reply(new SIPMessage(RECEIVED), status).recordRoutes.length
    assert.deepEqual([100, 180, 200, 302, 486].map(routes), [0, 1, 1, 0, 0])
  })

  it('of 100 has no tag, and Timestamp', () => {
    const trying = reply(new SIPMessage(RECEIVED), 100)
    assert.equal(trying.toTag, null)
    assert.equal(trying.getHeader('Timestamp'), '54')
  })

  it('has the same tag for a retransmission, another for another request', () => {
    const tag = (text: string) => reply(new SIPMessage(text), 180).toTag
    assert.match(tag(RECEIVED)!, /^[0-9a-f]{8}$/)
    assert.equal(tag(RECEIVED), tag(RECEIVED))
    assert.notEqual(tag(RECEIVED), tag(RECEIVED.replace('call-1', 'call-2')))
  })

  it('keeps the tag of a request within a dialog', () => {
    const within = RECEIVED.replace('<sip:bob@example.net>', '<sip:bob@example.net>;tag=theirs')
    assert.equal(reply(new SIPMessage(within), 200, { toTag: 'mine' }).toTag, 'theirs')
  })

  it('takes a reason, headers and a body', () => {
    const message = reply(new SIPMessage(RECEIVED), 486, {
      reason: 'Besetzt – später',
      headers: [['Retry-After', '10']],
      body: 'busy',
    })
    assert.equal(message.reason, 'Besetzt – später')
    assert.equal(message.getHeader('Retry-After'), '10')
    assert.equal(message.body, 'busy')
  })

  it('is refused for replies and ACKs, with an invalid status, and with line breaks', () => {
    const received = new SIPMessage(RECEIVED)
    assert.throws(() => reply(reply(received, 200), 200), { code: 'ERR_SIPLET_NO_REPLY' })
    assert.throws(() => reply(new SIPMessage(RECEIVED.replaceAll('INVITE', 'ACK')), 200), {
      code: 'ERR_SIPLET_NO_REPLY',
    })
    for (const status of [99, 700, 200.5, Number.NaN]) {
      assert.throws(() => reply(received, status), { code: 'ERR_SIPLET_STATUS' })
    }
    assert.throws(() => reply(received, 200, { reason: 'OK\r\nX: y' }), { code: 'ERR_SIPLET_INJECTION' })
    assert.throws(() => reply(received, 200, { toTag: 'a\r\nX: y' }), { code: 'ERR_SIPLET_INJECTION' })
  })
})

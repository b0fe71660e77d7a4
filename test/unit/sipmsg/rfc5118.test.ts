/**
 * RFC 5118, torture tests for IPv6. The messages are our own. Each has the peculiarity of the section that it is named
 * after.
 */
import assert from 'node:assert/strict'
import { SIPMessage, validate } from '@siplet/sipmsg'
import { raw } from '../../support/messages.ts'

function register(
  uri: string,
  via: string[] = ['SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111'],
  body = '',
): string {
  return raw(
    [
      `REGISTER ${uri} SIP/2.0`,
      'To: sip:user@example.com',
      'From: sip:user@example.com;tag=81x2',
      ...via.map((value) => `Via: ${value}`),
      'Call-ID: SSG9559905523997077@hlau_4100',
      'Max-Forwards: 70',
      'Contact: "Caller" <sip:caller@[2001:db8::1]>',
      'CSeq: 98176 REGISTER',
      `Content-Length: ${body.length}`,
    ],
    body,
  )
}

function valid(text: string): SIPMessage {
  assert.deepEqual(validate(text), [])
  return new SIPMessage(text)
}

describe('RFC 5118: IPv6', () => {
  it('4.1 an IPv6 reference in Request-URI, Via and Contact', () => {
    const message = valid(register('sip:[2001:db8::10]'))
    assert.deepEqual([message.requestURI?.host, message.requestURI?.port], ['[2001:db8::10]', null])
    assert.deepEqual([message.topVia?.host, message.topVia?.port], ['[2001:db8::9:1]', null])
    assert.ok(message.contacts !== '*')
    assert.equal(message.contacts[0]?.parsedURI?.host, '[2001:db8::1]')
  })

  it('4.2 an IPv6 address without brackets is no URI', () => {
    const text = register('sip:2001:db8::10')
    assert.deepEqual(
      validate(text).map(({ code }) => code),
      ['REQUEST_URI_MALFORMED'],
    )
    assert.equal(new SIPMessage(text).requestURI, null)
  })

  it('4.3 everything within the brackets is the address, even if it looks like a port', () => {
    const { host, port } = valid(register('sip:[2001:db8::10:5070]')).requestURI!
    assert.deepEqual([host, port], ['[2001:db8::10:5070]', null])
  })

  it('4.4 a port follows the brackets', () => {
    const { host, port } = valid(register('sip:[2001:db8::10]:5070')).requestURI!
    assert.deepEqual([host, port], ['[2001:db8::10]', 5070])
  })

  it('4.5 received with brackets and without', () => {
    const via = (received: string) =>
      `SIP/2.0/UDP [2001:db8::9:1]:5061;received=${received};branch=z9hG4bKas3`
    const message = valid(register('sip:[2001:db8::10]', [via('[2001:db8::9:255]'), via('2001:db8::9:255')]))
    assert.deepEqual(
      message.vias.map(({ received, port, branch }) => [received, port, branch]),
      [
        ['[2001:db8::9:255]', 5061, 'z9hG4bKas3'],
        ['2001:db8::9:255', 5061, 'z9hG4bKas3'],
      ],
    )
  })

  it('4.6 and 4.8 addresses in a body are bytes like any other', () => {
    const body = 'v=0\r\nc=IN IP6 2001:db8::20\r\nm=audio 1 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\n'
    assert.equal(valid(register('sip:[2001:db8::10]', undefined, body)).body, body)
  })

  it('4.7 IPv6 and IPv4 in the Vias of one message', () => {
    const message = valid(
      register('sip:[2001:db8::10]', [
        'SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111',
        'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8781hjuaij65144',
        'SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK451jj;received=192.0.2.200',
      ]),
    )
    assert.deepEqual(
      message.vias.map(({ host, port, received }) => [host, port, received]),
      [
        ['[2001:db8::9:1]', 6050, null],
        ['192.0.2.1', null, null],
        ['[2001:db8::9:255]', null, '192.0.2.200'],
      ],
    )
  })

  it('4.9 IPv4-mapped IPv6 addresses', () => {
    const message = valid(
      register('sip:[::ffff:192.0.2.2]', ['SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bKbh19']),
    )
    assert.equal(message.requestURI?.host, '[::ffff:192.0.2.2]')
    assert.deepEqual([message.topVia?.host, message.topVia?.port], ['[::ffff:192.0.2.10]', 19823])
  })

  it('4.10 three colons before an IPv4 address, a mistake in the grammar of RFC 3261, are accepted', () => {
    for (const uri of ['sip:user@[2001:db8:::192.0.2.1]', 'sip:user@[2001:db8::192.0.2.1]']) {
      assert.ok(valid(register(uri)).requestURI !== null, uri)
    }
    for (const uri of ['sip:user@[2001:db8:::1]', 'sip:user@[2001::db8::192.0.2.1]']) {
      assert.equal(new SIPMessage(register(uri)).requestURI, null, uri)
    }
  })
})

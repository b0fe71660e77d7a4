import assert from 'node:assert/strict'
import { checkURI, parseURI } from '@siplet/sipmsg'

describe('parseURI', () => {
  it('splits a SIP URI (RFC 3261 section 19.1.1)', () => {
    const { parameters, ...parts } = parseURI(
      'SIP:alice;day=1:secret@[2001:db8::1]:5061;Transport=tcp;lr?Subject=a%20b&b=c',
    )!
    assert.deepEqual(parts, {
      scheme: 'sip',
      user: 'alice;day=1',
      password: 'secret',
      host: '[2001:db8::1]',
      port: 5061,
      headers: 'Subject=a%20b&b=c',
    })
    assert.deepEqual(
      [...parameters.entries()],
      [
        ['Transport', 'tcp'],
        ['lr', ''],
      ],
    )
    assert.equal(parameters.get('transport'), 'tcp')
    assert.equal(parameters.get('lr'), '')
    assert.equal(parameters.get('ttl'), null)
  })

  it('splits a tel URI (RFC 3966)', () => {
    const uri = parseURI('tel:+1-201-555-0123;phone-context=example.com')
    assert.equal(uri?.user, '+1-201-555-0123')
    assert.equal(uri?.parameters.get('phone-context'), 'example.com')
  })

  it('accepts other schemes as they are', () => {
    const uri = parseURI('urn:service:sos')
    assert.equal(uri?.scheme, 'urn')
    assert.deepEqual(uri.parameters.entries(), [])
  })

  for (const good of [
    'sip:example.com',
    'sips:a@b.c',
    'sip:+49@1.2.3.4',
    'sip:a%20b@c',
    'sip:a@b;p=%41',
    'im:a@b',
  ]) {
    it(`accepts ${good}`, () => assert.doesNotThrow(() => checkURI(good)))
  }
  for (const bad of [
    '',
    'bob',
    'sip:',
    'sip:@host',
    'sip:a@',
    'sip:a@b:99999',
    'sip:a@b:x',
    'sip:a@[::1',
    'sip:a b@c',
    'sip:a@b\r\nX: y',
    'sip:a<b>@c',
    'sip:ä@c',
    'tel:hello',
    '1sip:a@b',
  ]) {
    it(`refuses ${JSON.stringify(bad)}`, () => assert.throws(() => checkURI(bad), { code: 'ERR_SIPLET_URI' }))
  }
})

import assert from 'node:assert/strict'
import { SIPMessage } from '@siplet/sipmsg'
import { INVITE, RINGING, sip } from '../../support/messages.ts'

describe('edits of a SIPMessage', () => {
  let message: SIPMessage
  beforeEach(() => {
    message = new SIPMessage(INVITE)
  })

  it('rewriteRURI replaces the Request-URI and nothing else', () => {
    message.rewriteRURI('sip:carol@example.org')
    assert.equal(message.ruri, 'sip:carol@example.org')
    assert.equal(message.originalRURI, 'sip:bob@example.net')
    assert.equal(message.text, INVITE.replace('sip:bob@example.net', 'sip:carol@example.org'))
  })

  it("rewriteRURI('') reverts, and leaves no edit behind", () => {
    message.rewriteRURI('sip:carol@example.org')
    message.rewriteRURI('')
    assert.equal(message.ruri, 'sip:bob@example.net')
    assert.deepEqual(message.splices, [])
  })

  it('setHeader keeps place and name as written, and leaves one of that name', () => {
    const message = new SIPMessage('OPTIONS sip:a SIP/2.0\r\ns: one\r\nX: y\r\nSubject: two\r\n\r\n')
    message.setHeader('Subject', 'three')
    assert.equal(message.text, 'OPTIONS sip:a SIP/2.0\r\ns: three\r\nX: y\r\n\r\n')
  })

  it('setHeader appends where there is none', () => {
    message.setHeader('X-Account', '42')
    assert.equal(message.text, INVITE.replace(/\r\n\r\n$/, '\r\nX-Account: 42\r\n\r\n'))
  })

  it('appendHeader adds behind the last header, insertHeader before the first of its name', () => {
    message.appendHeader('Via', 'last')
    message.insertHeader('Via', 'first')
    assert.deepEqual(message.getHeaders('v'), [
      'first',
      'SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-1',
      'last',
    ])
    assert.ok(message.text.startsWith('INVITE sip:bob@example.net SIP/2.0\r\nVia: first\r\nVia: SIP/2.0/UDP'))
  })

  it('removeHeader takes folded lines with it, and tells how many headers went', () => {
    const message = new SIPMessage('OPTIONS sip:a SIP/2.0\r\nX: 1\r\n 2\r\nY: 3\r\nx: 4\r\n\r\n')
    assert.equal(message.removeHeader('X'), 2)
    assert.equal(message.text, 'OPTIONS sip:a SIP/2.0\r\nY: 3\r\n\r\n')
    assert.equal(message.removeHeader('X'), 0)
  })

  it('setBody keeps Content-Type and Content-Length right, in bytes', () => {
    message.setBody('grün', 'text/plain')
    assert.equal(message.body, 'grün')
    assert.equal(message.getHeader('Content-Length'), '5')
    assert.equal(message.getHeader('Content-Type'), 'text/plain')
    message.setBody('', '')
    assert.equal(message.text, INVITE)
    assert.deepEqual(message.splices, [])
  })

  it('setBody replaces the body only, not bytes that follow the message', () => {
    const message = new SIPMessage(`${sip({ body: 'old' })}trailing`)
    message.setBody('newer', 'text/plain')
    assert.ok(message.text.endsWith('\r\n\r\nnewertrailing'))
  })

  it('setBody ends a head that was cut short', () => {
    const message = new SIPMessage('OPTIONS sip:a SIP/2.0\r\nX: 1')
    message.setBody('hello', 'text/plain')
    assert.equal(message.body, 'hello')
    assert.equal(message.getHeader('X'), '1')
  })

  it('are seen by every getter at once', () => {
    message.setHeader('From', '<sip:dave@example.com>;tag=d')
    assert.equal(message.fromURI, 'sip:dave@example.com')
    message.setHeader('Call-ID', 'other')
    assert.equal(message.callId, 'other')
  })

  it('of a clone do not touch the original', () => {
    message.setHeader('X', '1')
    const clone = message.clone()
    clone.setHeader('X', '2')
    assert.equal(message.getHeader('X'), '1')
    assert.equal(clone.getHeader('X'), '2')
  })

  it('leave bytes that are not UTF-8 as they are', () => {
    const bytes = Buffer.concat([
      Buffer.from('OPTIONS sip:a SIP/2.0\r\nX: '),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('\r\n\r\n'),
    ])
    const message = new SIPMessage(bytes)
    message.appendHeader('Y', 'ü')
    assert.deepEqual(
      Buffer.from(message.toBytes()),
      Buffer.concat([bytes.subarray(0, -2), Buffer.from('Y: ü\r\n\r\n')]),
    )
  })

  describe('that are refused leave the message as it was', () => {
    const refused: [name: string, code: string, edit: (message: SIPMessage) => void][] = [
      ['a Request-URI with white space', 'ERR_SIPLET_URI', (m) => m.rewriteRURI('sip:a b')],
      ['a Request-URI with CRLF', 'ERR_SIPLET_URI', (m) => m.rewriteRURI('sip:a SIP/2.0\r\nX: y')],
      ['a Request-URI without a scheme', 'ERR_SIPLET_URI', (m) => m.rewriteRURI('bob')],
      ['CRLF in a value', 'ERR_SIPLET_INJECTION', (m) => m.setHeader('X', 'a\r\nVia: evil')],
      ['LF in a value', 'ERR_SIPLET_INJECTION', (m) => m.appendHeader('X', 'a\nVia: evil')],
      ['CR in a value', 'ERR_SIPLET_INJECTION', (m) => m.insertHeader('X', 'a\rb')],
      ['NUL in a value', 'ERR_SIPLET_INJECTION', (m) => m.insertHeader('X', 'a\0b')],
      ['CRLF in a content type', 'ERR_SIPLET_INJECTION', (m) => m.setBody('x', 'a\r\nb')],
      ['a name with a colon', 'ERR_SIPLET_HEADER_NAME', (m) => m.setHeader('X: y\r\nZ', 'a')],
      ['an empty name', 'ERR_SIPLET_HEADER_NAME', (m) => m.removeHeader('')],
      ['Content-Length', 'ERR_SIPLET_CONTENT_LENGTH', (m) => m.setHeader('l', '5')],
      ['removing Content-Length', 'ERR_SIPLET_CONTENT_LENGTH', (m) => m.removeHeader('Content-Length')],
    ]
    for (const [name, code, edit] of refused) {
      it(name, () => {
        assert.throws(() => edit(message), { name: 'SIPMessageError', code })
        assert.equal(message.text, INVITE)
      })
    }

    it('a Request-URI for a reply', () => {
      const reply = new SIPMessage(RINGING)
      assert.throws(() => reply.rewriteRURI('sip:a'), { code: 'ERR_SIPLET_NOT_A_REQUEST' })
    })
  })
})

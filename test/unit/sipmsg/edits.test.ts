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

  it("rewriteRURI('') reverts, and leaves no edit", () => {
    message.rewriteRURI('sip:carol@example.org')
    message.rewriteRURI('')
    assert.equal(message.ruri, 'sip:bob@example.net')
    assert.deepEqual(message.splices, [])
  })

  it('setHeader keeps place and name as written, and leaves one header of that name', () => {
    const message = new SIPMessage('OPTIONS sip:a SIP/2.0\r\ns: one\r\nX: y\r\nSubject: two\r\n\r\n')
    message.setHeader('Subject', 'three')
    assert.equal(message.text, 'OPTIONS sip:a SIP/2.0\r\ns: three\r\nX: y\r\n\r\n')
  })

  it('setHeader appends if there is no such header', () => {
    message.setHeader('X-Account', '42')
    assert.equal(message.text, INVITE.replace(/\r\n\r\n$/, '\r\nX-Account: 42\r\n\r\n'))
  })

  it('appendHeaders adds all of them after the last header, or none', () => {
    const before = message.text
    assert.throws(
      () =>
        message.appendHeaders([
          ['A', '1'],
          ['B', 'x\r\ny'],
        ]),
      { code: 'ERR_SIPLET_INJECTION' },
    )
    message.appendHeaders([])
    assert.equal(message.text, before)
    message.appendHeaders([
      ['A', '1'],
      ['B', '2'],
      ['A', '3'],
    ])
    assert.deepEqual(message.headerNames().slice(-3), ['A', 'B', 'A'])
    assert.deepEqual(message.getHeaders('A'), ['1', '3'])
  })

  it('appendHeader adds after the last header, insertHeader before the first of its name', () => {
    message.appendHeader('Via', 'last')
    message.insertHeader('Via', 'first')
    assert.deepEqual(message.getHeaders('v'), [
      'first',
      'SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-1',
      'last',
    ])
    assert.ok(message.text.startsWith('INVITE sip:bob@example.net SIP/2.0\r\nVia: first\r\nVia: SIP/2.0/UDP'))
  })

  it('removeHeader removes folded lines as well, and returns the number of removed headers', () => {
    const message = new SIPMessage('OPTIONS sip:a SIP/2.0\r\nX: 1\r\n 2\r\nY: 3\r\nx: 4\r\n\r\n')
    assert.equal(message.removeHeader('X'), 2)
    assert.equal(message.text, 'OPTIONS sip:a SIP/2.0\r\nY: 3\r\n\r\n')
    assert.equal(message.removeHeader('X'), 0)
  })

  describe('edits of one header among several', () => {
    const VIAS =
      'OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a, SIP/2.0/UDP b\r\nX: 1\r\nv : SIP/2.0/UDP c\r\n\r\n'
    beforeEach(() => {
      message = new SIPMessage(VIAS)
    })

    it('replaceHeader replaces the nth line of a name, and returns whether there is one', () => {
      assert.ok(message.replaceHeader('Via', 1, 'SIP/2.0/TCP d'))
      assert.equal(message.text, VIAS.replace('SIP/2.0/UDP c', 'SIP/2.0/TCP d'))
      assert.ok(!message.replaceHeader('Via', 2, 'SIP/2.0/TCP e'))
      assert.ok(!message.replaceHeader('Via', -1, 'SIP/2.0/TCP e'))
    })

    it('removeHeader removes the nth line of a name', () => {
      assert.equal(message.removeHeader('Via', 0), 1)
      assert.equal(message.text, 'OPTIONS sip:a SIP/2.0\r\nX: 1\r\nv : SIP/2.0/UDP c\r\n\r\n')
      assert.equal(message.removeHeader('Via', 1), 0)
    })

    it('removeFirstVia removes one value: of a list, of a line, and of the next line', () => {
      const hosts = () => message.vias.map(({ host }) => host)
      assert.ok(message.removeFirstVia())
      assert.equal(message.text, VIAS.replace('SIP/2.0/UDP a, ', ''))
      assert.ok(message.removeFirstVia())
      assert.deepEqual(hosts(), ['c'])
      assert.ok(message.removeFirstVia())
      assert.ok(!message.removeFirstVia())
      assert.equal(message.text, 'OPTIONS sip:a SIP/2.0\r\nX: 1\r\n\r\n')
    })

    it('the edits of a proxy: Via and Record-Route are added first, Route and Via are removed', () => {
      message = new SIPMessage(
        'ACK sip:a SIP/2.0\r\nRoute: <sip:me;lr>,<sip:next;lr>\r\nVia: SIP/2.0/UDP a\r\n\r\n',
      )
      message.prependVia('SIP/2.0/UDP me;branch=z9hG4bK1')
      message.prependRecordRoute('sip:me;lr')
      message.removeFirstValue('Route')
      assert.equal(
        message.text,
        'ACK sip:a SIP/2.0\r\nRecord-Route: <sip:me;lr>\r\nRoute: <sip:next;lr>\r\nVia: SIP/2.0/UDP me;branch=z9hG4bK1\r\nVia: SIP/2.0/UDP a\r\n\r\n',
      )
      assert.equal(message.splices.length, 3)
    })
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

  it('setBody completes a head that was cut', () => {
    const message = new SIPMessage('OPTIONS sip:a SIP/2.0\r\nX: 1')
    message.setBody('hello', 'text/plain')
    assert.equal(message.body, 'hello')
    assert.equal(message.getHeader('X'), '1')
  })

  it('of a head that was cut between CR and LF complete its line end', () => {
    const message = new SIPMessage('MESSAGE sip:a SIP/2.0\r')
    message.appendHeader('X', 'y')
    assert.equal(message.text, 'MESSAGE sip:a SIP/2.0\r\nX: y\r\n')
  })

  it('of a head that was cut within its empty line are written before that line', () => {
    const message = new SIPMessage('MESSAGE sip:a SIP/2.0\r\nX: y\r\n\r')
    assert.equal(message.truncatedIn, 'head')
    message.appendHeader('Y', 'z')
    assert.equal(message.text, 'MESSAGE sip:a SIP/2.0\r\nX: y\r\nY: z\r\n\r')
    message.setBody('hi', 'text/plain')
    assert.equal(message.body, 'hi')
  })

  it('of a head that was cut may remove its last line', () => {
    const message = new SIPMessage('MESSAGE sip:a SIP/2.0\r\nc: text/html\r\nX: y\r\nContent-Type: te')
    message.setBody('hi', 'text/plain')
    assert.equal(
      message.text,
      'MESSAGE sip:a SIP/2.0\r\nc: text/plain\r\nX: y\r\nContent-Length: 2\r\n\r\nhi',
    )
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
      ['CRLF in the value of the nth', 'ERR_SIPLET_INJECTION', (m) => m.replaceHeader('Via', 0, 'a\r\nb')],
      ['CRLF in a Via', 'ERR_SIPLET_INJECTION', (m) => m.prependVia('SIP/2.0/UDP a\r\nX: y')],
      ['CRLF in a Record-Route', 'ERR_SIPLET_URI', (m) => m.prependRecordRoute('sip:a\r\nX: y')],
      ['a bracket in a Record-Route', 'ERR_SIPLET_URI', (m) => m.prependRecordRoute('sip:a>, <sip:b')],
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

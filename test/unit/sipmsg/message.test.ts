import assert from 'node:assert/strict'
import { isSIP, SIPMessage } from '@siplet/sipmsg'
import { HEADERS, INVITE, RINGING, sip } from '../../support/messages.ts'

describe('SIPMessage', () => {
  describe('the start line', () => {
    it('of a request holds method and Request-URI', () => {
      const message = new SIPMessage(INVITE)
      assert.equal(message.isRequest, true)
      assert.equal(message.type, 'SIP_REQUEST')
      assert.equal(message.method, 'INVITE')
      assert.equal(message.ruri, 'sip:bob@example.net')
      assert.equal(message.status, null)
      assert.equal(message.reason, null)
    })

    it('of a reply holds status code and reason phrase', () => {
      const message = new SIPMessage(RINGING)
      assert.equal(message.type, 'SIP_REPLY')
      assert.equal(message.status, 180)
      assert.equal(message.reason, 'Ringing')
      assert.equal(message.method, null)
      assert.equal(message.ruri, null)
      assert.equal(message.cseqMethod, 'INVITE')
    })

    it('may follow CRLFs (RFC 3261 section 7.5)', () => {
      assert.equal(new SIPMessage(`\r\n\r\n${INVITE}`).method, 'INVITE')
    })

    it('may have an empty reason phrase, or none', () => {
      assert.equal(new SIPMessage('SIP/2.0 200 \r\n\r\n').reason, '')
      assert.equal(new SIPMessage('SIP/2.0 200\r\n\r\n').reason, '')
    })

    it('may have a reason phrase in UTF-8', () => {
      assert.equal(new SIPMessage(Buffer.from('SIP/2.0 183 Läuft\r\n\r\n')).reason, 'Läuft')
    })

    it('may hold an extension method', () => {
      for (const method of [
        "a.b!%*_+`'~",
        'INVITED',
        'Invite',
        'INVALID',
        'I',
        'ALONGMETHODOFTHIRTYTWOLETTERS...',
      ]) {
        assert.equal(new SIPMessage(`${method} sip:x SIP/2.0\r\nCSeq: 1 ${method}\r\n\r\n`).method, method)
      }
    })

    for (const other of [
      '',
      '\r\n\r\n',
      'GET / HTTP/1.1\r\n\r\n',
      'HTTP/1.1 200 OK\r\n\r\n',
      'INVITE sip:bob@example.net\r\n\r\n',
      ' SIP/2.0\r\n\r\n',
      'INVITE  SIP/2.0\r\n\r\n',
      'SIP/2.0 20 OK\r\n\r\n',
      'SIP/2.0 2000 OK\r\n\r\n',
      'SIP/2.0\r\n\r\n',
      '\0\0\0\0',
    ]) {
      it(`is refused: ${JSON.stringify(other)}`, () => {
        assert.equal(isSIP(other), false)
        assert.throws(() => new SIPMessage(other), { name: 'SIPMessageError', code: 'ERR_SIPLET_NOT_SIP' })
      })
    }
  })

  describe('headers', () => {
    const message = new SIPMessage(
      sip({
        headers: [
          ['v', 'SIP/2.0/UDP a'],
          ['VIA', 'SIP/2.0/UDP b'],
          ['Via ', 'SIP/2.0/UDP c'],
          ['Subject', 'one\r\n two\r\n\t three'],
          ['X-Empty', ''],
          ['X-Bytes', 'caf\xe9'],
        ],
      }),
    )

    it('are found by name in any case, in compact and long form', () => {
      assert.equal(message.getHeader('via'), 'SIP/2.0/UDP a')
      assert.equal(message.getHeader('V'), 'SIP/2.0/UDP a')
      assert.deepEqual(message.getHeaders('Via'), ['SIP/2.0/UDP a', 'SIP/2.0/UDP b', 'SIP/2.0/UDP c'])
    })

    it('come unfolded (section 7.3.1)', () => {
      assert.equal(message.getHeader('subject'), 'one two three')
      assert.equal(message.getHeader('s'), 'one two three')
    })

    it('are null when absent, empty when empty', () => {
      assert.equal(message.getHeader('Route'), null)
      assert.deepEqual(message.getHeaders('Route'), [])
      assert.equal(message.getHeader('X-Empty'), '')
    })

    it('with bytes that are not UTF-8 are read with replacement characters, or raw', () => {
      assert.equal(message.getHeader('X-Bytes'), 'caf\ufffd')
      assert.equal(message.getHeaderBytes('X-Bytes'), 'caf\xe9')
    })

    it('are listed as written', () => {
      assert.deepEqual(message.headerNames(), [
        'v',
        'VIA',
        'Via',
        'Subject',
        'X-Empty',
        'X-Bytes',
        'Content-Length',
      ])
    })

    it('are recognised in any case, with white space before the colon, and only by their whole name', () => {
      const odd = new SIPMessage(
        'OPTIONS sip:a SIP/2.0\r\ncOnTeNt-LeNgTh \t: 0\r\nContent-Len: 1\r\nVias: 2\r\nV: SIP/2.0/UDP a\r\nVi: 3\r\n\r\n',
      )
      assert.deepEqual(
        odd.headers().map(({ name, values }) => [name, String(values[0])]),
        [
          ['Content-Length', '0'],
          ['Content-Len', '1'],
          ['Vias', '2'],
          ['Via', 'SIP/2.0/UDP a'],
          ['Vi', '3'],
        ],
      )
    })

    it('whose names have non-ASCII bytes are found by these bytes, and by letters in any case', () => {
      const odd = new SIPMessage('OPTIONS sip:a SIP/2.0\r\nSubject\xc3: odd\r\n\r\n')
      assert.equal(odd.getHeader('SUBJECT\xc3'), 'odd')
      assert.equal(odd.getHeader('Subject\xe3'), null)
      assert.equal(odd.getHeader('Subject'), null)
    })

    it('may end with LF alone', () => {
      const bare = new SIPMessage('OPTIONS sip:a SIP/2.0\nCall-ID: x\nSubject: a\n b\n\nbody')
      assert.equal(bare.callId, 'x')
      assert.equal(bare.getHeader('Subject'), 'a b')
      assert.equal(bare.body, 'body')
    })

    it('a line without a colon is a header without a value', () => {
      const odd = new SIPMessage('OPTIONS sip:a SIP/2.0\r\nnonsense\r\nCall-ID: x\r\n\r\n')
      assert.deepEqual(odd.headerNames(), ['nonsense', 'Call-ID'])
      assert.equal(odd.callId, 'x')
    })

    it('a name that is a prefix of another name is not that name', () => {
      const near = new SIPMessage('OPTIONS sip:a SIP/2.0\r\nTo-Day: no\r\nTop: no\r\nT: yes\r\n\r\n')
      assert.equal(near.getHeader('To'), 'yes')
    })
  })

  describe('the headers every proxy reads', () => {
    it('have getters of their own', () => {
      const message = new SIPMessage(INVITE)
      assert.equal(message.callId, 'call-1@example.com')
      assert.equal(message.cseq, '1 INVITE')
      assert.equal(message.cseqNumber, 1)
      assert.equal(message.cseqMethod, 'INVITE')
      assert.equal(message.fromURI, 'sip:alice@example.com')
      assert.equal(message.fromTag, 'a1')
      assert.equal(message.toURI, 'sip:bob@example.net')
      assert.equal(message.toTag, null)
    })

    const from = (value: string) => new SIPMessage(sip({ headers: [['f', value]] }))

    it('name-addr: the display name may hold anything, parameters of the URI stay in it', () => {
      const message = from('"A. \\"<sip:no>\\"; tag=no" <sip:a@b;tag=no>;x;TAG="q;\\"1"')
      assert.equal(message.fromURI, 'sip:a@b;tag=no')
      assert.equal(message.fromTag, 'q;"1')
    })

    it('addr-spec: without brackets, parameters belong to the header (section 20.10)', () => {
      const message = from('sip:a@b;tag=1')
      assert.equal(message.fromURI, 'sip:a@b')
      assert.equal(message.fromTag, '1')
    })

    it('are null if malformed', () => {
      assert.equal(from('<sip:a@b').fromURI, null)
      assert.equal(from('<sip:a@b').fromTag, null)
      assert.equal(new SIPMessage(sip({ headers: [['CSeq', 'x']] })).cseqNumber, null)
    })
  })

  describe('the body', () => {
    it('is as long as Content-Length says; later bytes are not part of the message (section 18.3)', () => {
      const message = new SIPMessage(`${sip({ body: 'v=0\r\n' })}trailing`)
      assert.equal(message.body, 'v=0\r\n')
      assert.equal(message.truncatedIn, null)
    })

    it('is everything after the head if there is no Content-Length', () => {
      assert.equal(new SIPMessage('MESSAGE sip:a SIP/2.0\r\n\r\nhello').body, 'hello')
    })

    it('counts bytes, not characters', () => {
      const message = new SIPMessage(Buffer.from(sip({ body: 'grün' })))
      assert.equal(message.contentLength, 5)
      assert.equal(message.body, 'grün')
    })

    it('may be cut short, and so may the head', () => {
      const whole = sip({ body: 'v=0\r\n' })
      assert.equal(new SIPMessage(whole.slice(0, -1)).truncatedIn, 'body')
      assert.equal(new SIPMessage(whole.slice(0, whole.indexOf('Call-ID'))).truncatedIn, 'head')
    })
  })

  it('accepts bytes that are not a Buffer', () => {
    assert.equal(new SIPMessage(new Uint8Array(Buffer.from(INVITE))).callId, 'call-1@example.com')
  })

  it('has no findings in the test message', () => {
    assert.deepEqual(new SIPMessage(INVITE).headerNames(), [
      ...HEADERS.map(([name]) => name),
      'Content-Length',
    ])
  })
})

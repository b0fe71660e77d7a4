import assert from 'node:assert/strict'
import {
  equalURIs,
  type HeaderValue,
  parseAddress,
  parseAddresses,
  parseCredentials,
  parseMediaType,
  parseVias,
  SIPMessage,
} from '@siplet/sipmsg'
import { sip } from '../../support/messages.ts'

const message = (...headers: [string, string][]) => new SIPMessage(Buffer.from(sip({ headers })))

describe('Via', () => {
  it('has protocol, transport, sent-by and parameters', () => {
    const [via] = parseVias(
      'SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bK1;received=192.0.2.9;rport=1024;alias',
    )
    assert.ok(via)
    assert.equal(via.protocol, 'SIP/2.0')
    assert.equal(via.transport, 'TLS')
    assert.equal(via.host, '[2001:db8::1]')
    assert.equal(via.port, 5061)
    assert.equal(via.branch, 'z9hG4bK1')
    assert.equal(via.received, '192.0.2.9')
    assert.equal(via.rport, 1024)
    assert.equal(via.parameters.get('alias'), '')
    assert.equal(
      String(via),
      'SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bK1;received=192.0.2.9;rport=1024;alias',
    )
  })

  it('may have no port and no parameters, wherever it stands in the message', () => {
    const { vias } = message(
      ['Via', 'SIP/2.0/UDP a.example.com'],
      ['v', 'SIP/2.0/UDP b.example.com, SIP/2.0/UDP c:5'],
    )
    assert.deepEqual(
      vias.map(({ host, port, branch }) => [host, port, branch]),
      [
        ['a.example.com', null, null],
        ['b.example.com', null, null],
        ['c', 5, null],
      ],
    )
  })

  for (const malformed of [
    '',
    'SIP/2.0',
    'SIP/2.0/UDP',
    'SIP/2.0/UDP ',
    'UDP host',
    'SIP/2.0/UDP host:port',
    'SIP/2.0/UDP h:123456',
    'SIP/2.0/UDP [::1',
    'SIP/2.0/UDP a b',
    'SIP/2.0/UDP ;branch=1',
    'SIP/2.0/UDP h\x08ost',
    'SIP/2.0/UDP host:',
    'SIP//UDP host',
  ]) {
    it(`is null if it is ${JSON.stringify(malformed)}`, () => {
      assert.deepEqual(parseVias(malformed), malformed === '' ? [] : [null])
      assert.equal(message(['Via', malformed], ['From', 'sip:a@b']).topVia, null)
    })
  }
})

describe('addresses', () => {
  it('have a display name, a URI and parameters', () => {
    const address = parseAddress('"A \\"B\\" C" <sip:a@b;lr>;tag=x;q="0.5, not more"')
    assert.ok(address)
    assert.equal(address.displayName, 'A "B" C')
    assert.equal(address.uri, 'sip:a@b;lr')
    assert.equal(address.parsedURI?.parameters.has('lr'), true)
    assert.equal(address.tag, 'x')
    assert.equal(address.parameters.get('Q'), '0.5, not more')
    assert.equal(address.parameters.get('absent'), null)
  })

  it('without brackets leave their parameters to the header', () => {
    const address = parseAddress('sip:a@b;tag=x')
    assert.equal(address?.uri, 'sip:a@b')
    assert.equal(address?.tag, 'x')
    assert.equal(address?.displayName, null)
  })

  it('are separated by commas outside quotes and brackets', () => {
    const list = parseAddresses('"a, b" <sip:a,b@c>, , <sip:d@e>;p="x,y" ,sip:f@g')
    assert.deepEqual(
      list.map((address) => address?.uri),
      ['sip:a,b@c', 'sip:d@e', 'sip:f@g'],
    )
  })

  it('have no comments: a parenthesis is an ordinary character (section 25.1)', () => {
    const list = parseAddresses('sip:g(2@h, <tel:+4930>')
    assert.deepEqual(
      list.map((address) => address?.uri),
      ['sip:g(2@h', 'tel:+4930'],
    )
    const message = new SIPMessage('INVITE sip:a SIP/2.0\r\nRoute: <sip:x(y@a;lr>, <sip:b;lr>\r\n\r\n')
    message.removeFirstValue('Route')
    assert.equal(message.getHeader('Route'), '<sip:b;lr>')
  })

  const URIS: [value: string, uri: string | undefined][] = [
    ['sip:p6@192.0.2.88:5094;+sip.instance="<urn:x:1>"', 'sip:p6@192.0.2.88:5094'],
    ['sip:a@b;x="\\"<sip:evil@c>"', 'sip:a@b'],
    ['sip:a@b;x=<sip:evil@c>', 'sip:a@b'],
    ['sip:a@b;x="open <sip:evil@c>', 'sip:a@b'],
    ['<sip:a@b>;x="<sip:evil@c>"', 'sip:a@b'],
    ['"N <sip:evil@c>" <sip:a@b>', 'sip:a@b'],
    ['"N";x="<sip:evil@c>"', undefined],
    ['Bob "x<y" <sip:a@b>', 'sip:a@b'],
    ['sip:c@d <sip:a@b>', 'sip:a@b'],
  ]
  for (const [value, uri] of URIS) {
    it(`have the URI ${uri} in ${value}`, () => {
      assert.equal(parseAddress(value)?.uri, uri)
    })
  }

  it('are null if malformed; the others stay', () => {
    assert.equal(parseAddress('"open <sip:a@b>'), null)
    assert.equal(parseAddress('<sip:a@b'), null)
    assert.equal(parseAddress('<>'), null)
    assert.equal(parseAddress(''), null)
    assert.deepEqual(
      parseAddresses('<>, <sip:a@b>').map((address) => address?.uri ?? null),
      [null, 'sip:a@b'],
    )
  })

  it('of repeated and comma-separated headers are one list', () => {
    const { routes, contacts, recordRoutes, assertedIdentities } = message(
      ['Route', '<sip:a;lr>, <sip:b;lr>'],
      ['route', '<sip:c;lr>'],
      ['m', '*'],
      ['P-Asserted-Identity', '"A" <sip:a@b>, tel:+15551234'],
    )
    assert.deepEqual(
      routes.map(({ uri }) => uri),
      ['sip:a;lr', 'sip:b;lr', 'sip:c;lr'],
    )
    assert.equal(contacts, '*')
    assert.deepEqual(recordRoutes, [])
    assert.deepEqual(
      assertedIdentities.map(({ uri }) => uri),
      ['sip:a@b', 'tel:+15551234'],
    )
  })

  it('have display names in UTF-8; other bytes stay unchanged', () => {
    const name = Buffer.from('"Jürgen \xff" <sip:a@b>;tag=1', 'latin1')
    const bytes = Buffer.concat([
      Buffer.from('INVITE sip:a@b SIP/2.0\r\nTo: "Zoë" <sip:z@b>\r\nFrom: '),
      name,
      Buffer.from('\r\n\r\n'),
    ])
    const read = new SIPMessage(bytes)
    assert.equal(read.to?.displayName, 'Zoë')
    assert.equal(read.from?.displayName, 'J\ufffdrgen \ufffd')
    assert.deepEqual(Buffer.from(read.toBytes()), bytes)
  })
})

describe('numbers', () => {
  it('are null if absent or not digits', () => {
    const read = message(['Max-Forwards', '70 '], ['Expires', '-1'], ['CSeq', '4711 INVITE'])
    assert.equal(read.maxForwards, 70)
    assert.equal(read.expires, null)
    assert.deepEqual([read.cseqNumber, read.cseqMethod], [4711, 'INVITE'])
    assert.equal(message(['CSeq', 'INVITE']).cseqNumber, null)
    assert.equal(message(['CSeq', '1']).cseqMethod, null)
  })
})

describe('RSeq and RAck (RFC 3262)', () => {
  it('are numbers; RAck also has the CSeq that it acknowledges', () => {
    const read = message(['RSeq', '988789'], ['RAck', '776656 1 INVITE'])
    assert.equal(read.rseq, 988789)
    assert.deepEqual(read.rack, { rseq: 776656, cseq: { number: 1, method: 'INVITE' } })
    assert.deepEqual(read.headers()[1], { name: 'RAck', values: [read.rack] })
  })

  for (const malformed of ['', '1', '1 2', '1 INVITE', 'x 1 INVITE', '1 1 INVITE x']) {
    it(`RAck is null if it is ${JSON.stringify(malformed)}`, () => {
      assert.equal(message(['RAck', malformed]).rack, null)
    })
  }
})

describe('Event and Subscription-State (RFC 6665)', () => {
  it('are a token with parameters', () => {
    const read = message(['o', 'presence.winfo; id="7"'], ['Subscription-State', 'active;expires=600'])
    assert.equal(read.event?.value, 'presence.winfo')
    assert.equal(read.event.parameters.get('id'), '7')
    assert.equal(read.subscriptionState?.value, 'active')
    assert.equal(read.subscriptionState.parameters.get('expires'), '600')
  })

  it('are null if absent or malformed', () => {
    assert.deepEqual([message().event, message(['Event', ';id=7']).event], [null, null])
    assert.equal(message(['Event', 'presence, dialog']).event, null)
  })
})

describe('credentials and challenges', () => {
  it('have a scheme and parameters', () => {
    const digest = parseCredentials(
      'Digest username="bob, \\"the\\" builder", realm = "b.org",nc=00000001, qop=auth',
    )
    assert.equal(digest?.scheme, 'Digest')
    assert.deepEqual(
      [...digest!.parameters.entries()],
      [
        ['username', 'bob, "the" builder'],
        ['realm', 'b.org'],
        ['nc', '00000001'],
        ['qop', 'auth'],
      ],
    )
    assert.equal(parseCredentials('Digest'), null)
    assert.equal(parseCredentials(''), null)
  })

  it('of other schemes may be one text (token68 of RFC 7235)', () => {
    const { scheme, parameters } = parseCredentials('Bearer abc.d-e_f+/~==')!
    assert.equal(scheme, 'Bearer')
    assert.deepEqual(parameters.entries(), [['abc.d-e_f+/~==', '']])
    assert.equal(parameters.get('abc.d-e_f+/~=='), '')
    assert.equal(parameters.get('abc'), null)
    assert.deepEqual(parseCredentials('Digest realm=')!.parameters.entries(), [['realm', '']])
  })

  it('are one entry per line', () => {
    const read = message(
      ['WWW-Authenticate', 'Digest realm="a", nonce="1"'],
      ['WWW-Authenticate', 'Digest realm="b"'],
      ['WWW-Authenticate', '?'],
    )
    assert.deepEqual(
      read.credentials('www-authenticate').map(({ parameters }) => parameters.get('realm')),
      ['a', 'b'],
    )
  })
})

describe('Content-Type', () => {
  it('has type, subtype and parameters', () => {
    const read = message(['c', 'multipart / mixed ; boundary="a;b" ; charset=UTF-8']).contentType
    assert.deepEqual([read?.type, read?.subtype], ['multipart', 'mixed'])
    assert.equal(read?.parameters.get('boundary'), 'a;b')
    assert.deepEqual(
      [message(['c', 'text/plain']).contentType?.subtype, parseMediaType('text')],
      ['plain', null],
    )
    assert.equal(parseMediaType('text/plain junk'), null)
  })
})

describe('headers()', () => {
  const values = (name: string, value: string): readonly HeaderValue[] =>
    message([name, value]).headers()[0]!.values

  it('gives every line, with its canonical name, parsed by its grammar', () => {
    const headers = message(
      ['v', 'SIP/2.0/UDP a, SIP/2.0/UDP b'],
      ['CALL-ID', '1@a'],
      ['x-mine', 'a, b'],
      ['no-value', ''],
    )
      .headers()
      .map(({ name, values }) => [name, values.length])
    assert.deepEqual(headers, [
      ['Via', 2],
      ['Call-ID', 1],
      ['x-mine', 1],
      ['no-value', 1],
      ['Content-Length', 1],
    ])
  })

  it('gives text for headers without a grammar, lists for tokens, null for malformed values', () => {
    assert.deepEqual(values('Subject', 'Grüße,\r\n  bis bald'), ['Grüße, bis bald'])
    assert.deepEqual(values('Allow', 'INVITE,ACK , ,"a,b" , ü'), ['INVITE', 'ACK', '"a,b"', 'ü'])
    assert.deepEqual(values('Max-Forwards', 'x'), [null])
    assert.deepEqual(values('From', '<'), [null])
    assert.deepEqual(values('Contact', '*'), ['*'])
    assert.deepEqual(values('CSeq', '1 ACK'), [{ number: 1, method: 'ACK' }])
  })

  it('gives a line without a colon as a name without a value', () => {
    const read = new SIPMessage('OPTIONS sip:a SIP/2.0\r\nnonsense\r\nTo: sip:b\r\n\r\n')
    assert.deepEqual(
      read.headers().map(({ name, values }) => [name, values.length]),
      [
        ['nonsense', 1],
        ['To', 1],
      ],
    )
  })
})

describe('comparison of URIs (section 19.1.4)', () => {
  const EQUAL = [
    ['sip:%61lice@atlanta.com;transport=TCP', 'sip:alice@AtLanTa.CoM;Transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;newparam=5'],
    ['sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;newparam=5'],
    [
      'sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com',
      'sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com',
    ],
    [
      'sip:alice@atlanta.com?subject=project%20x&priority=urgent',
      'sip:alice@atlanta.com?priority=urgent&subject=project%20x',
    ],
    ['tel:+1-201-555', 'TEL:+1-201-555'],
  ] as const
  const DIFFERENT = [
    ['SIP:ALICE@AtLanTa.CoM;Transport=udp', 'sip:alice@AtLanTa.CoM;Transport=UDP'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:5060'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com;transport=udp'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:6000;transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com?Subject=next%20meeting'],
    ['sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;security=off'],
    ['sip:bob@phone21.boxesbybob.com', 'sip:bob@192.0.2.4'],
    ['sip:a@b', 'sips:a@b'],
    ['sip:a%3Bb@c', 'sip:a;b@c'],
    ['not a URI', 'not a URI'],
  ] as const
  for (const [a, b] of EQUAL) {
    it(`${a} equals ${b}`, () => {
      assert.ok(equalURIs(a, b))
      assert.ok(equalURIs(b, a))
    })
  }
  for (const [a, b] of DIFFERENT) {
    it(`${a} does not equal ${b}`, () => {
      assert.ok(!equalURIs(a, b))
      assert.ok(!equalURIs(b, a))
    })
  }
})

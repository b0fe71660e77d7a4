/**
 * The valid messages of RFC 4475 section 3.1.1. The messages are our own. Each has the peculiarities of the RFC's
 * message with that name.
 */
import assert from 'node:assert/strict'
import { SIPMessage, StreamFramer, unescapeURI, uriHeaders, validate } from '@siplet/sipmsg'
import { raw, SDP } from '../../support/messages.ts'

/** Returns a valid message: it has no errors, and reading it changes none of its bytes. */
function valid(text: string): SIPMessage {
  const bytes = Buffer.from(text, 'latin1')
  const message = new SIPMessage(bytes)
  assert.deepEqual(Buffer.from(message.toBytes()), bytes)
  assert.deepEqual(
    validate(bytes).filter(({ severity }) => severity === 'error'),
    [],
  )
  return message
}

/** Returns bytes of UTF-8 as one-byte text. */
function utf8(text: string): string {
  return Buffer.from(text).toString('latin1')
}

describe('RFC 4475 section 3.1.1: valid messages', () => {
  it('3.1.1.1 wsinv: white space and folds wherever the grammar allows them', () => {
    const message = valid(
      raw(
        [
          'INVITE sip:carol@chair.example.com;unknownparam SIP/2.0',
          'TO :',
          ' sip:carol@chair.example.com ;   tag    = 19181r',
          'from   : "J Doe \\\\\\""       <sip:doe@example.com>',
          '  ;',
          '  tag = 98asjd8',
          'MaX-fOrWaRdS: 0068',
          'Call-ID: wsinv.1@192.0.2.1',
          `Content-Length   : ${SDP.length}`,
          'cseq: 0009',
          '  INVITE',
          'Via  : SIP  /   2.0',
          ' /UDP',
          '    192.0.2.2;branch=390skdjuw',
          's :',
          'NewFangledHeader:   newfangled value',
          ' continued newfangled value',
          'UnknownHeaderWithUnusualValue: ;;,,;;,;',
          'Content-Type: application/sdp',
          'Route:',
          ' <sip:services.example.com;lr;unknownwith=value;unknown-no-value>',
          'v:  SIP  / 2.0  / TCP     spindle.example.com   ;',
          '  branch  =   z9hG4bK9ikj8  ,',
          ' SIP  /    2.0   / UDP  192.168.255.111   ; branch=',
          ' z9hG4bK30239',
          'm:"Quoted string \\"\\"" <sip:doe@example.com> ; newparam =',
          '      newvalue ;',
          '  secondparam ; q = 0.33',
        ],
        SDP,
      ),
    )
    assert.equal(message.requestURI?.parameters.get('unknownparam'), '')
    assert.equal(message.toTag, '19181r')
    assert.equal(message.toURI, 'sip:carol@chair.example.com')
    assert.equal(message.from?.displayName, 'J Doe \\"')
    assert.equal(message.fromTag, '98asjd8')
    assert.equal(message.maxForwards, 68)
    assert.deepEqual([message.cseqNumber, message.cseqMethod], [9, 'INVITE'])
    assert.equal(message.contentLength, SDP.length)
    assert.equal(message.getHeader('Subject'), '')
    assert.equal(message.getHeader('NewFangledHeader'), 'newfangled value continued newfangled value')
    assert.deepEqual(
      message.vias.map(({ protocol, transport, host, branch }) => [protocol, transport, host, branch]),
      [
        ['SIP/2.0', 'UDP', '192.0.2.2', '390skdjuw'],
        ['SIP/2.0', 'TCP', 'spindle.example.com', 'z9hG4bK9ikj8'],
        ['SIP/2.0', 'UDP', '192.168.255.111', 'z9hG4bK30239'],
      ],
    )
    const contact = message.contacts[0]
    assert.ok(typeof contact === 'object')
    assert.equal(contact.displayName, 'Quoted string ""')
    assert.deepEqual(
      [...contact.parameters.entries()],
      [
        ['newparam', 'newvalue'],
        ['secondparam', ''],
        ['q', '0.33'],
      ],
    )
    assert.equal(message.routes[0]?.parsedURI?.parameters.get('unknownwith'), 'value')
  })

  it('3.1.1.2 intmeth: every character that each place allows', () => {
    const method = "!interesting-Method0123456789_*+`.%indeed'~"
    const uri =
      "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com"
    const message = valid(
      raw([
        `${method} ${uri} SIP/2.0`,
        "Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~",
        'To: "BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f" <sip:1_unusual.URI~(to-be!sure)&isn\'t+it$/crazy?,/;;*@example.com>',
        `From: token1~\` token2'+_ token3*%!.- <sip:mundane@example.com>;fromParam''~+*_!.-%="${utf8('работающий')}";tag=_token~1'+\`*%!-.`,
        'Call-ID: intmeth.word%ZK-!.*_+\'@word`~)(><:\\/"][?}{',
        `CSeq: 139122385 ${method}`,
        'Max-Forwards: 255',
        `extensionHeader-!.%*+_\`'~:${utf8('大停電')}`,
        'Content-Length: 0',
      ]),
    )
    assert.equal(message.method, method)
    assert.equal(message.ruri, uri)
    const { user, password, host } = message.requestURI!
    assert.equal(user, "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*")
    assert.equal(password, "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)")
    assert.equal(host, 'example.com')
    assert.equal(message.to?.displayName, 'BEL:\x07 NUL:\x00 DEL:\x7f')
    assert.equal(message.from?.displayName, "token1~` token2'+_ token3*%!.-")
    assert.equal(message.fromTag, "_token~1'+`*%!-.")
    assert.equal(message.getHeader("extensionHeader-!.%*+_`'~"), '大停電')
  })

  it('3.1.1.3 esc01: escaped characters in URIs', () => {
    const message = valid(
      raw([
        'INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0',
        'To: sip:%75se%72@example.com',
        'From: <sip:I%20have%20spaces@example.net>;tag=938',
        'Max-Forwards: 87',
        'i: esc01.1',
        'CSeq: 234234 INVITE',
        'Via: SIP/2.0/UDP host5.example.net;branch=z9hG4bKkdjuw',
        'Contact:',
        '  <sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>',
        'Content-Length: 0',
      ]),
    )
    assert.equal(message.requestURI?.host, 'example.net')
    assert.equal(unescapeURI(message.requestURI!.user!), 'sips:user@example.com')
    assert.equal(unescapeURI(message.to!.parsedURI!.user!), 'user')
    assert.equal(unescapeURI(message.from!.parsedURI!.user!), 'I have spaces')
    const contact = message.contacts[0]
    assert.ok(typeof contact === 'object')
    const parameters = [...contact.parsedURI!.parameters.entries()].map((pair) => pair.map(unescapeURI))
    assert.deepEqual(parameters, [
      ['lr', ''],
      ['name', 'value%41'],
    ])
  })

  it('3.1.1.4 escnull: an escaped NUL in a user', () => {
    const message = valid(
      raw([
        'REGISTER sip:example.com SIP/2.0',
        'To: sip:null-%00-null@example.com',
        'From: sip:null-%00-null@example.com;tag=839923423',
        'Max-Forwards: 70',
        'Call-ID: escnull.1',
        'CSeq: 14398234 REGISTER',
        'Via: SIP/2.0/UDP host5.example.com;branch=z9hG4bKkdjuw',
        'Contact: <sip:%00@host5.example.com>',
        'Contact: <sip:%00%00@host5.example.com>',
        'L:0',
      ]),
    )
    assert.equal(unescapeURI(message.to!.parsedURI!.user!), 'null-\0-null')
    assert.ok(message.contacts !== '*')
    assert.deepEqual(
      message.contacts.map(({ parsedURI }) => unescapeURI(parsedURI!.user!)),
      ['\0', '\0\0'],
    )
  })

  it('3.1.1.5 esc02: a percent sign that is no escape, in method, display name and header name', () => {
    const message = valid(
      raw([
        'RE%47IST%45R sip:registrar.example.com SIP/2.0',
        'To: "%Z%45" <sip:resource@example.com>',
        'From: "%Z%45" <sip:resource@example.com>;tag=f232jadfj23',
        'Call-ID: esc02.1',
        'Via: SIP/2.0/TCP host.example.com;branch=z9hG4bK209%fzsnel234',
        'CSeq: 29344 RE%47IST%45R',
        'Max-Forwards: 70',
        'Contact: <sip:alias1@host1.example.com>',
        'C%6Fntact: <sip:alias2@host2.example.com>',
        'Contact: <sip:alias3@host3.example.com>',
        'l: 0',
      ]),
    )
    assert.equal(message.method, 'RE%47IST%45R')
    assert.equal(message.to?.displayName, '%Z%45')
    assert.equal(message.topVia?.branch, 'z9hG4bK209%fzsnel234')
    assert.equal(message.contacts.length, 2)
    assert.equal(message.getHeader('C%6Fntact'), '<sip:alias2@host2.example.com>')
  })

  it('3.1.1.6 lwsdisp: no space between a display name and the bracket', () => {
    const message = valid(
      raw([
        'OPTIONS sip:user@example.com SIP/2.0',
        'To: sip:user@example.com',
        'From: caller<sip:caller@example.com>;tag=323',
        'Max-Forwards: 70',
        'Call-ID: lwsdisp.1',
        'CSeq: 60 OPTIONS',
        'Via: SIP/2.0/UDP funky.example.com;branch=z9hG4bKkdjuw',
        'l: 0',
      ]),
    )
    assert.equal(message.from?.displayName, 'caller')
    assert.equal(message.fromURI, 'sip:caller@example.com')
  })

  it('3.1.1.7 longreq: long values, many Vias in every case', () => {
    const long = 'long'.repeat(200)
    const names = ['Via', 'v', 'V', 'ViA', 'VIA', 'vIA', 'V ', 'v  ', 'Via ', 'via\t']
    const message = valid(
      raw([
        'INVITE sip:user@example.com SIP/2.0',
        `To: "I have a user name of ${long} proportion"<sip:user@example.com:6000;unknown=${long};${long}=shortvalue>`,
        `F: sip:${long}@example.net;tag=12${long}98`,
        `Call-ID: longreq.${long}`,
        'CSeq: 3882340 INVITE',
        `Unknown-${long}-Name: unknown-${long}-value;unknown-${long}-parameter-name=unknown-${long}`,
        ...Array.from(
          { length: 34 },
          (_, hop) => `${names[hop % names.length]}: SIP/2.0/TCP sip${34 - hop}.example.com`,
        ),
        `Via: SIP/2.0/TCP host.example.com;received=192.0.2.5;branch=very${long}branchvalue`,
        'Max-Forwards: 70',
        `Contact: <sip:${long}@host5.example.net>`,
        'l: 0',
      ]),
    )
    assert.equal(message.vias.length, 35)
    assert.deepEqual(
      [message.vias[0]?.host, message.vias[33]?.host],
      ['sip34.example.com', 'sip1.example.com'],
    )
    assert.equal(message.vias[34]?.received, '192.0.2.5')
    assert.equal(message.vias[34]?.branch, `very${long}branchvalue`)
    assert.equal(message.fromTag, `12${long}98`)
    assert.equal(message.to?.parsedURI?.parameters.get(long), 'shortvalue')
    assert.equal(message.to?.parsedURI?.port, 6000)
  })

  it('3.1.1.8 dblreq: a second request after the first one', () => {
    const register = raw([
      'REGISTER sip:example.com SIP/2.0',
      'To: sip:j.user@example.com',
      'From: sip:j.user@example.com;tag=43251j3j324',
      'Max-Forwards: 8',
      'I: dblreq.1',
      'Contact: sip:j.user@host.example.com',
      'CSeq: 8 REGISTER',
      'Via: SIP/2.0/UDP 192.0.2.125;branch=z9hG4bKkdjuw23492',
      'Content-Length: 0',
    ])
    const invite = raw(
      [
        'INVITE sip:joe@example.com SIP/2.0',
        't: sip:joe@example.com',
        'From: sip:caller@example.net;tag=141334',
        'Max-Forwards: 8',
        'Call-ID: dblreq.2',
        'CSeq: 8 INVITE',
        'Via: SIP/2.0/UDP 192.0.2.15;branch=z9hG4bKkdjuw380234',
        'Content-Type: application/sdp',
        `Content-Length: ${SDP.length}`,
      ],
      SDP,
    )
    const message = valid(`${register}\r\n\r\n${invite}`)
    assert.equal(message.method, 'REGISTER')
    assert.equal(message.body, '')
    assert.equal(message.trailingText, `\r\n\r\n${invite}`)
    assert.deepEqual(
      validate(message).map(({ code }) => code),
      ['TRAILING_BYTES'],
    )
    const frames = new StreamFramer().push(Buffer.from(`${register}\r\n\r\n${invite}`))
    assert.deepEqual(
      frames.map((frame) => (frame.type === 'message' ? new SIPMessage(frame.bytes).method : frame.type)),
      ['REGISTER', 'ping', 'INVITE'],
    )
  })

  it('3.1.1.9 semiuri: a semicolon in the user is not the start of parameters', () => {
    const message = valid(
      raw([
        'OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0',
        'To: sip:j_user@example.com',
        'From: sip:caller@example.org;tag=33242',
        'Max-Forwards: 3',
        'Call-ID: semiuri.1',
        'CSeq: 8 OPTIONS',
        'Accept: application/sdp, application/pkcs7-mime,',
        '        multipart/mixed, multipart/signed,',
        '        message/sip, message/sipfrag',
        'Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKkdjuw',
        'l: 0',
      ]),
    )
    assert.equal(unescapeURI(message.requestURI!.user!), 'user;par=u@example.net')
    assert.equal(message.requestURI?.host, 'example.com')
    assert.deepEqual([...message.requestURI!.parameters.entries()], [])
    assert.equal(message.getHeaderList('Accept').length, 6)
    assert.equal(message.getHeaderList('Accept')[5], 'message/sipfrag')
  })

  it('3.1.1.10 transports: several and unknown ones', () => {
    const transports = ['UDP', 'SCTP', 'TLS', 'UNKNOWN', 'TCP']
    const message = valid(
      raw([
        'OPTIONS sip:user@example.com SIP/2.0',
        'To: sip:user@example.com',
        'From: <sip:caller@example.com>;tag=323',
        'Max-Forwards: 70',
        'Call-ID:  transports.1',
        'CSeq: 60 OPTIONS',
        ...transports.map(
          (transport, hop) => `Via: SIP/2.0/${transport} t${hop}.example.com;branch=z9hG4bKkdjuw${hop}`,
        ),
        'l: 0',
      ]),
    )
    assert.deepEqual(
      message.vias.map(({ transport }) => transport),
      transports,
    )
    assert.equal(message.callId, 'transports.1')
  })

  it('3.1.1.11 mpart01: a multipart body with binary parts', () => {
    const body =
      '--7a9\r\nContent-Type: text/plain\r\n\r\nHello\r\n--7a9\r\nContent-Type: application/octet-stream\r\n\r\n\x00\x82\xff\r\n\r\n\x01\r\n--7a9--\r\n'
    const message = valid(
      raw(
        [
          'MESSAGE sip:kumiko@example.org SIP/2.0',
          'Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK-d87543;rport',
          'Max-Forwards: 70',
          'Route: <sip:127.0.0.1:5080>',
          'Contact: <sip:fluffy@127.0.0.1:5070>',
          'To: <sip:kumiko@example.org>',
          'From: <sip:fluffy@example.com>;tag=2fb0dcc9',
          'Call-ID: mpart01@example.com',
          'CSeq: 1 MESSAGE',
          'Content-Type: multipart/mixed;boundary="7a9"',
          'Date: Sat, 15 Oct 2005 04:44:56 GMT',
          'User-Agent: test/0.2.5 (curses)',
          `Content-Length: ${body.length}`,
        ],
        body,
      ),
    )
    assert.equal(message.bodyText, body)
    assert.equal(message.contentType?.parameters.get('boundary'), '7a9')
    assert.ok(message.topVia?.parameters.has('rport'))
    assert.equal(message.topVia?.rport, null)
  })

  const reply = (startLine: string) =>
    valid(
      raw([
        startLine,
        'Via: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK2398ndaoe',
        'Call-ID: reply.1',
        'CSeq: 35 INVITE',
        'From: <sip:user@example.com>;tag=39ansfi3',
        'To: <sip:user@example.edu>;tag=902jndnke3',
        'Content-Length: 0',
        'Contact: <sip:user@host105.example.com>',
      ]),
    )

  it('3.1.1.12 unreason: a reason phrase of unusual characters', () => {
    const reason = '= 2**3 * 5**2 но сто девяносто девять - простое'
    const message = reply(utf8(`SIP/2.0 200 ${reason}`))
    assert.equal(message.status, 200)
    assert.equal(message.reason, reason)
  })

  it('3.1.1.13 noreason: no reason phrase', () => {
    assert.equal(reply('SIP/2.0 100 ').reason, '')
    assert.equal(reply('SIP/2.0 100').reason, '')
  })
})

describe('RFC 4475 section 3.3: valid messages that the application layer decides about', () => {
  it('3.3.12 and 3.3.13 cparam01, cparam02: an unknown parameter of Contact, and one of its URI', () => {
    const register = (contact: string) =>
      valid(
        raw([
          'REGISTER sip:example.com SIP/2.0',
          'Via: SIP/2.0/UDP saturn.example.com:5060;branch=z9hG4bKkdjuw',
          'Max-Forwards: 70',
          'From: sip:watson@example.com;tag=DkfVg',
          'To: sip:watson@example.com',
          'Call-ID: cparam.1',
          'CSeq: 2 REGISTER',
          `Contact: ${contact}`,
          'l: 0',
        ]),
      ).contacts[0]
    const ofHeader = register('sip:+19725552222@gw1.example.net;unknownparam')
    assert.ok(typeof ofHeader === 'object')
    assert.equal(ofHeader.uri, 'sip:+19725552222@gw1.example.net')
    assert.ok(ofHeader.parameters.has('unknownparam'))
    const ofURI = register('<sip:+19725552222@gw1.example.net;unknownparam>')
    assert.ok(typeof ofURI === 'object')
    assert.ok(!ofURI.parameters.has('unknownparam'))
    assert.ok(ofURI.parsedURI?.parameters.has('unknownparam'))
  })

  it('3.3.14 regescrt: an escaped header in the URI of a Contact', () => {
    const { contacts } = valid(
      raw([
        'REGISTER sip:example.com SIP/2.0',
        'To: sip:user@example.com',
        'From: sip:user@example.com;tag=8',
        'Max-Forwards: 70',
        'Call-ID: regescrt.1',
        'CSeq: 14398234 REGISTER',
        'Via: SIP/2.0/UDP host5.example.com;branch=z9hG4bKkdjuw',
        'M: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>',
        'L:0',
      ]),
    )
    assert.ok(contacts !== '*')
    assert.deepEqual(uriHeaders(contacts[0]!.parsedURI!), [['Route', '<sip:sip.example.com>']])
  })

  it('3.4.1 inv2543: an INVITE of RFC 2543, with warnings only', () => {
    const message = valid(
      raw(
        [
          'INVITE sip:UserB@example.com SIP/2.0',
          'Via: SIP/2.0/UDP iftgw.example.com',
          'From: <sip:+13035551111@ift.client.example.net;user=phone>',
          'Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>',
          'To: sip:+16505552222@ss1.example.net;user=phone',
          'Call-ID: inv2543.1@client.example.com',
          'CSeq: 56 INVITE',
          'Content-Type: application/sdp',
        ],
        SDP,
      ),
    )
    assert.equal(message.body, SDP)
    assert.deepEqual(
      validate(message).map(({ code }) => code),
      ['VIA_BRANCH_MISSING', 'FROM_TAG_MISSING', 'MAX_FORWARDS_MISSING', 'CONTACT_MISSING'],
    )
  })
})

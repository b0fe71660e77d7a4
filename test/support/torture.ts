/**
 * The invalid messages of RFC 4475 (sections 3.1.2 and 3.2), and those that only the application layer rejects (section
 * 3.3). The messages are our own. Each has exactly the flaw of the RFC's message with that name.
 */
import type { FindingCode } from '@siplet/sipmsg'
import { raw, SDP } from './messages.ts'

interface Parts {
  startLine?: string
  /** Header lines that replace those of the same name; undefined removes the header. */
  headers?: Record<string, string | undefined>
  /** Further lines at the end of the head. */
  lines?: string[]
  body?: string
}

/** Returns a request without flaws other than those in the arguments. */
export function request(method: string, { startLine, headers, lines = [], body = '' }: Parts = {}): string {
  const all: Record<string, string | undefined> = {
    Via: 'SIP/2.0/UDP host.example.com;branch=z9hG4bKkdjuw',
    To: 'sip:user@example.com',
    From: 'sip:caller@example.net;tag=134161461246',
    'Max-Forwards': '7',
    'Call-ID': 'torture.1@example.net',
    CSeq: `8 ${method}`,
    Contact: '<sip:caller@host5.example.net>',
    'Content-Type': body === '' ? undefined : 'application/sdp',
    'Content-Length': String(body.length),
    ...headers,
  }
  return raw(
    [
      startLine ?? `${method} sip:user@example.com SIP/2.0`,
      ...Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`])),
      ...lines,
    ],
    body,
  )
}

export interface Torture {
  name: string
  section: string
  text: string
  /** All expected findings, each with the text that it points to. */
  findings: [code: FindingCode, at: string][]
}

export const TORTURE: Torture[] = [
  {
    name: 'badinv01: extra separators in Via and Contact',
    section: '3.1.2.1',
    text: request('INVITE', {
      headers: {
        Via: 'SIP/2.0/UDP 192.0.2.15;branch=z9hG4bK1;;,;,,',
        Contact: '"Joe" <sip:joe@example.org>;;;;',
      },
    }),
    findings: [
      ['PARAMETERS_MALFORMED', ';;,;,,'],
      ['HEADER_MALFORMED', ';,,'],
      ['LIST_ELEMENT_EMPTY', ',\r\n'],
      ['LIST_ELEMENT_EMPTY', '\r\nTo'],
      ['PARAMETERS_MALFORMED', ';;;;'],
    ],
  },
  {
    name: 'clerr: a Content-Length larger than the message',
    section: '3.1.2.2',
    text: request('INVITE', { headers: { 'Content-Length': '9999' }, body: SDP }),
    findings: [['CONTENT_LENGTH_LARGER', 'v=0']],
  },
  {
    name: 'ncl: a negative Content-Length',
    section: '3.1.2.3',
    text: request('INVITE', { headers: { 'Content-Length': '-999' }, body: SDP }),
    findings: [['HEADER_MALFORMED', '-999']],
  },
  {
    name: 'scalar02: numbers beyond their ranges in a request',
    section: '3.1.2.4',
    text: request('REGISTER', {
      headers: {
        CSeq: '36893488147419103232 REGISTER',
        'Max-Forwards': '300',
        Expires: '10000000000000000000000000000000000',
        Contact: '<sip:user@host129.example.com>;expires=280297596632815',
      },
    }),
    findings: [
      ['NUMBER_RANGE', '300'],
      ['NUMBER_RANGE', '36893488147419103232'],
      ['NUMBER_RANGE', '<sip:user@host129'],
      ['NUMBER_RANGE', '10000000000000000000000000000000000'],
    ],
  },
  {
    name: 'scalarlg: numbers beyond their ranges in a reply',
    section: '3.1.2.5',
    text: request('OPTIONS', {
      startLine: 'SIP/2.0 503 Service Unavailable',
      headers: { CSeq: '9292394834772304023312 OPTIONS' },
      lines: ['Retry-After: 949302838503028349304023988', 'Warning: 1812 overture "In Progress"'],
    }),
    findings: [
      ['NUMBER_RANGE', '9292394834772304023312'],
      ['NUMBER_RANGE', '949302838503028349304023988'],
    ],
  },
  {
    name: 'quotbal: a display name without its closing quote',
    section: '3.1.2.6',
    text: request('INVITE', { headers: { To: '"Mr. J. User <sip:j.user@example.com>' } }),
    findings: [['QUOTED_STRING_UNTERMINATED', '"Mr.']],
  },
  {
    name: 'ltgtruri: angle brackets around the Request-URI',
    section: '3.1.2.7',
    text: request('INVITE', { startLine: 'INVITE <sip:user@example.com> SIP/2.0' }),
    findings: [['REQUEST_URI_MALFORMED', '<sip:user@example.com>']],
  },
  {
    name: 'lwsruri: white space within the Request-URI',
    section: '3.1.2.8',
    text: request('INVITE', { startLine: 'INVITE sip:user@example.com; lr SIP/2.0' }),
    findings: [['REQUEST_URI_MALFORMED', 'sip:user@example.com; lr']],
  },
  {
    name: 'lwsstart: several spaces between the parts of the start line',
    section: '3.1.2.9',
    text: request('INVITE', { startLine: 'INVITE  sip:user@example.com  SIP/2.0' }),
    findings: [
      ['START_LINE_LWS', '  sip:user'],
      ['START_LINE_LWS', '  SIP/2.0'],
    ],
  },
  {
    name: 'trws: spaces at the end of the start line',
    section: '3.1.2.10',
    text: request('OPTIONS', { startLine: 'OPTIONS sip:remote-target@example.com SIP/2.0  ' }),
    findings: [['START_LINE_LWS', '  \r\n']],
  },
  {
    name: 'escruri: headers in the Request-URI',
    section: '3.1.2.11',
    text: request('INVITE', { startLine: 'INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0' }),
    findings: [['REQUEST_URI_HEADERS', '?Route']],
  },
  {
    name: 'baddate: a time zone other than GMT',
    section: '3.1.2.12',
    text: request('INVITE', { lines: ['Date: Fri, 01 Jan 2010 16:00:00 EST'] }),
    findings: [['DATE_MALFORMED', 'Fri, 01']],
  },
  {
    name: 'regbadct: a Contact with headers, but without angle brackets',
    section: '3.1.2.13',
    text: request('REGISTER', {
      headers: { Contact: 'sip:user@example.com?Route=%3Csip:sip.example.com%3E' },
    }),
    findings: [['ADDR_SPEC_BRACKETS', 'sip:user@example.com?Route']],
  },
  {
    name: 'badaspec: spaces within the angle brackets',
    section: '3.1.2.14',
    text: request('OPTIONS', { headers: { To: '"Watson, Thomas" < sip:t.watson@example.org >' } }),
    findings: [['ADDR_SPEC_LWS', '< sip:t.watson']],
  },
  {
    name: 'baddn: display names without the quotes that they need',
    section: '3.1.2.15',
    text: request('OPTIONS', {
      headers: {
        To: 'Watson, Thomas <sip:t.watson@example.org>',
        From: 'Bell, Alexander <sip:a.g.bell@example.com>;tag=43',
      },
    }),
    findings: [
      ['DISPLAY_NAME_TOKENS', 'Watson, Thomas'],
      ['DISPLAY_NAME_TOKENS', 'Bell, Alexander'],
    ],
  },
  {
    name: 'badvers: an unknown version',
    section: '3.1.2.16',
    text: request('OPTIONS', { startLine: 'OPTIONS sip:t.watson@example.org SIP/7.0' }),
    findings: [['VERSION_UNSUPPORTED', 'SIP/7.0']],
  },
  {
    name: 'mismatch01: two known methods in start line and CSeq',
    section: '3.1.2.17',
    text: request('OPTIONS', { headers: { CSeq: '8 INVITE' } }),
    findings: [['CSEQ_METHOD_MISMATCH', '8 INVITE']],
  },
  {
    name: 'mismatch02: an unknown method in the start line, a known one in CSeq',
    section: '3.1.2.18',
    text: request('NEWMETHOD', { headers: { CSeq: '8 INVITE' } }),
    findings: [['CSEQ_METHOD_MISMATCH', '8 INVITE']],
  },
  {
    name: 'bigcode: a status code out of range',
    section: '3.1.2.19',
    text: request('INVITE', { startLine: 'SIP/2.0 4294967301 better not break the receiver' }),
    findings: [['STATUS_CODE_RANGE', '4294967301']],
  },
  {
    name: 'badbranch: a branch that consists only of the magic cookie',
    section: '3.2.1',
    text: request('OPTIONS', { headers: { Via: 'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK' } }),
    findings: [['VIA_BRANCH_EMPTY', 'SIP/2.0/UDP 192.0.2.1']],
  },
  {
    name: 'insuf: From, To, Call-ID and Max-Forwards are missing',
    section: '3.3.1',
    text: request('INVITE', {
      headers: { From: undefined, To: undefined, 'Call-ID': undefined, 'Max-Forwards': undefined },
    }),
    findings: [
      ['HEADER_MISSING', '\r\n'],
      ['HEADER_MISSING', '\r\n'],
      ['HEADER_MISSING', '\r\n'],
      ['MAX_FORWARDS_MISSING', '\r\n'],
    ],
  },
  {
    name: 'unkscm: a Request-URI of an unknown scheme',
    section: '3.3.2',
    text: request('OPTIONS', { startLine: 'OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0' }),
    findings: [['URI_SCHEME_UNKNOWN', 'nobodyKnows']],
  },
  {
    name: 'novelsc: a Request-URI of a known scheme other than SIP',
    section: '3.3.3',
    text: request('OPTIONS', { startLine: 'OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0' }),
    findings: [['URI_SCHEME_UNKNOWN', 'soap.beep']],
  },
  {
    name: 'unksm2: unknown schemes in From, To and Contact',
    section: '3.3.4',
    text: request('REGISTER', {
      headers: {
        To: 'isbn:2983792873',
        From: '<http://www.example.com>;tag=3234233',
        Contact: '<name:John_Smith>',
      },
    }),
    findings: [
      ['URI_SCHEME_UNKNOWN', 'isbn:'],
      ['URI_SCHEME_UNKNOWN', '<http:'],
      ['URI_SCHEME_UNKNOWN', '<name:'],
    ],
  },
  {
    name: 'bext01: required extensions that nobody supports',
    section: '3.3.5',
    text: request('OPTIONS', {
      lines: ['Require: nothingSupportsThis, timer', 'Proxy-Require: noProxiesSupportThis'],
    }),
    findings: [
      ['OPTION_TAG_UNKNOWN', 'nothingSupportsThis'],
      ['OPTION_TAG_UNKNOWN', 'noProxiesSupportThis'],
    ],
  },
  {
    name: 'invut: a body of an unknown type',
    section: '3.3.6',
    text: request('INVITE', { headers: { 'Content-Type': 'application/unknownformat' }, body: '<audio/>' }),
    findings: [['CONTENT_TYPE_UNKNOWN', 'application/unknownformat']],
  },
  {
    name: 'regaut01: an unknown authorization scheme',
    section: '3.3.7',
    text: request('REGISTER', { lines: ['Authorization: NoOneKnowsThisScheme opaque-data=here'] }),
    findings: [['AUTH_SCHEME_UNKNOWN', 'NoOneKnowsThisScheme']],
  },
  {
    name: 'multi01: headers that may occur only once occur twice',
    section: '3.3.8',
    text: request('INVITE', {
      lines: [
        'CSeq: 59 INVITE',
        'Call-ID: torture.2@example.net',
        'To: sip:other@example.net',
        'From: sip:caller@example.net;tag=2923420123',
        'Max-Forwards: 5',
        'Contact: <sip:caller@host36.example.net>',
      ],
    }),
    findings: [
      ['HEADER_REPEATED', 'CSeq: 59'],
      ['HEADER_REPEATED', 'Call-ID: torture.2'],
      ['HEADER_REPEATED', 'To: sip:other'],
      ['HEADER_REPEATED', 'From: sip:caller@example.net;tag=2923420123'],
      ['HEADER_REPEATED', 'Max-Forwards: 5'],
    ],
  },
  {
    name: 'mcl01: two Content-Lengths that contradict each other',
    section: '3.3.9',
    text: request('OPTIONS', {
      headers: { 'Content-Length': '13', 'Content-Type': 'text/plain' },
      lines: ['Content-Length: 5'],
      body: 'How much of this is the body?',
    }),
    findings: [
      ['HEADER_REPEATED', 'Content-Length: 5'],
      ['TRAILING_BYTES', 'his is the body?'],
    ],
  },
  {
    name: 'bcast: a reply that would go to the broadcast address',
    section: '3.3.10',
    text: request('INVITE', {
      startLine: 'SIP/2.0 200 OK',
      lines: ['Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23'],
    }),
    findings: [['VIA_BROADCAST', 'SIP/2.0/UDP 255']],
  },
  {
    name: 'zeromf: Max-Forwards is 0',
    section: '3.3.11',
    text: request('OPTIONS', { headers: { 'Max-Forwards': '0' } }),
    findings: [['MAX_FORWARDS_ZERO', '0\r\nCall-ID']],
  },
  {
    name: 'sdp01: an INVITE that does not accept SDP',
    section: '3.3.15',
    text: request('INVITE', { lines: ['Accept: text/nobodyKnowsThis'], body: SDP }),
    findings: [['ACCEPT_WITHOUT_SDP', 'text/nobodyKnowsThis']],
  },
]

/** Messages for benchmarks, in addition to the INVITE of `siplet bench`. */
export { INVITE } from '../../packages/cli/src/bench/invite.ts'

const SDP = [
  'v=0',
  'o=alice 53655765 2353687637 IN IP4 192.0.2.10',
  's=-',
  'c=IN IP4 192.0.2.10',
  't=0 0',
  'm=audio 49170 RTP/AVP 0 8 101',
  'a=rtpmap:0 PCMU/8000',
  'a=rtpmap:8 PCMA/8000',
  'a=rtpmap:101 telephone-event/8000',
  'a=sendrecv',
  '',
].join('\r\n')

function message(startLine: string, headers: readonly string[], body: string): Buffer {
  return Buffer.from([startLine, ...headers, `Content-Length: ${body.length}`, '', body].join('\r\n'))
}

const HEADERS = [
  'Via: SIP/2.0/UDP proxy.example.com:5060;branch=z9hG4bK4b43c2ff8.1;received=192.0.2.7',
  'Via: SIP/2.0/UDP client.example.org:5060;branch=z9hG4bK74bf9;rport=5062',
  'Max-Forwards: 69',
  'From: "Alice" <sip:alice@example.org>;tag=9fxced76sl',
  'To: Bob <sip:bob@example.net>',
  'Call-ID: 2xTb9vxSit55XU7p8@example.org',
  'CSeq: 1 INVITE',
]

/** About 300 bytes. */
export const OK = message(
  'SIP/2.0 200 OK',
  [
    'Via: SIP/2.0/UDP client.example.org:5060;branch=z9hG4bK74bf9;rport=5062;received=192.0.2.1',
    'From: "Alice" <sip:alice@example.org>;tag=9fxced76sl',
    'To: Bob <sip:bob@example.net>;tag=314159',
    'Call-ID: 2xTb9vxSit55XU7p8@example.org',
    'CSeq: 1 INVITE',
    'Contact: <sip:bob@192.0.2.4>',
  ],
  '',
)

/** About 4 kB in 30 headers. */
export const LONG_INVITE = message(
  'INVITE sip:bob@example.net;user=phone SIP/2.0',
  [
    ...Array.from(
      { length: 4 },
      (_, hop) =>
        `Via: SIP/2.0/TCP proxy${hop}.example.com:5060;branch=z9hG4bK-${'0123456789abcdef'.repeat(4)}-${hop}`,
    ),
    ...Array.from(
      { length: 3 },
      (_, hop) => `Record-Route: <sip:proxy${hop}.example.com;transport=tcp;lr;ftag=9fxced76sl>`,
    ),
    'Route: <sip:edge.example.net;lr>, <sip:core.example.net;lr>',
    ...HEADERS.slice(2),
    'Contact: <sip:alice@client.example.org;transport=tcp;ob>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>";reg-id=1',
    'Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE, SUBSCRIBE, INFO, UPDATE, PRACK',
    'Supported: replaces, 100rel, timer, path, outbound, gruu, norefersub',
    'Session-Expires: 1800;refresher=uac',
    'P-Asserted-Identity: "Alice" <sip:alice@example.org>, <tel:+15551234567>',
    'P-Charging-Vector: icid-value=1234bc9876e;icid-generated-at=192.0.6.8;orig-ioi=home1.example.net',
    'Privacy: none',
    'Proxy-Authorization: Digest username="alice", realm="example.net", nonce="84a4cc6f3082121f32b42a2187831a9e", uri="sip:bob@example.net", response="7587245234b3434cc3412213e5f113a5", algorithm=MD5, qop=auth, cnonce="0a4f113b", nc=00000001',
    `User-Agent: benchmark/1.0 (${'a long description '.repeat(5)})`,
    'Accept: application/sdp, application/pidf+xml, message/sipfrag',
    'Accept-Language: en, de;q=0.8, fr;q=0.5',
    'Date: Sat, 13 Nov 2010 23:29:00 GMT',
    'Subject: A call about many things',
    'X-Account: gold-42',
    `X-Trace: ${'0123456789abcdef'.repeat(76)}`,
    'Content-Type: application/sdp',
  ],
  SDP.repeat(3),
)

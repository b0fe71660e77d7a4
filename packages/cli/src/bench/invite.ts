import { request } from '@siplet/sipmsg'

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

/** A typical INVITE at a proxy: about 750 bytes, two Via values, SDP. */
export const INVITE = Buffer.from(
  request({
    method: 'INVITE',
    uri: 'sip:bob@example.net',
    headers: [
      ['Via', 'SIP/2.0/UDP proxy.example.com:5060;branch=z9hG4bK4b43c2ff8.1;received=192.0.2.7'],
      ['Via', 'SIP/2.0/UDP client.example.org:5060;branch=z9hG4bK74bf9;rport=5062'],
      ['Max-Forwards', '69'],
      ['From', '"Alice" <sip:alice@example.org>;tag=9fxced76sl'],
      ['To', 'Bob <sip:bob@example.net>'],
      ['Call-ID', '2xTb9vxSit55XU7p8@example.org'],
      ['CSeq', '1 INVITE'],
      ['Contact', '<sip:alice@client.example.org;transport=udp>'],
      ['Allow', 'INVITE, ACK, CANCEL, OPTIONS, BYE'],
      ['User-Agent', 'benchmark/1.0'],
      ['X-Account', 'gold-42'],
      ['Content-Type', 'application/sdp'],
    ],
    body: SDP,
  }).toBytes(),
)

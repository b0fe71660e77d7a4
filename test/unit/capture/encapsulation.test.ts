/** SIP under tags, in tunnels and in HEP. */
import assert from 'node:assert/strict'
import { deflateSync } from 'node:zlib'
import { ipFrames, LINKTYPE, PROTOCOL, udpFrames } from '../../../packages/cli/src/capture/index.ts'
import { captureFolder, texts } from '../../support/capture-reading.ts'
import { hepPacket, vxlan } from '../../support/encapsulation.ts'
import { INVITE } from '../../support/messages.ts'

const ETHERNET = { linktype: LINKTYPE.ETHERNET }
const INNER = { src: ['10.0.0.1', 5060], dst: ['10.0.0.2', 5062] } as const
const OUTER = { src: '192.0.2.1', dst: '192.0.2.2' }
const [FRAME] = udpFrames({ ...INNER, payload: Buffer.from(INVITE) }, ETHERNET) as [Buffer]
const IP = FRAME.subarray(14)

function ethernet(etherType: number, ...parts: (Buffer | string)[]): Buffer {
  const head = Buffer.alloc(14)
  head.writeUInt16BE(etherType, 12)
  return Buffer.concat([
    head,
    ...parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'hex') : part)),
  ])
}

const inIP = (protocol: number, ...parts: (Buffer | string)[]) =>
  ipFrames({ ...OUTER, protocol, payload: ethernet(0, ...parts).subarray(14) }, ETHERNET)[0]!

/** A datagram to that port with these parts: text is hexadecimal. */
const inUDP = (port: number, ...parts: (Buffer | string)[]) =>
  udpFrames(
    { src: ['192.0.2.1', 50_000], dst: ['192.0.2.2', port], payload: ethernet(0, ...parts).subarray(14) },
    ETHERNET,
  )[0]!

const inVXLAN = (frame: Buffer, port = 4789) =>
  udpFrames({ src: ['192.0.2.1', 50_000], dst: ['192.0.2.2', port], payload: vxlan(frame) }, ETHERNET)[0]!

describe('captures of tunnels', () => {
  const captures = captureFolder()
  const cases: [title: string, frame: Buffer][] = [
    ['QinQ', ethernet(0x88a8, '00648100', '00070800', IP)],
    ['MPLS, two labels', ethernet(0x8847, '0001003f', '0002013f', IP)],
    ['MPLS pseudowire', ethernet(0x8847, '0002013f', '00000000', FRAME)],
    ['PPPoE', ethernet(0x8864, '110000010000', '0021', IP)],
    ['IP in IP', inIP(PROTOCOL.IPIP, IP)],
    ['GRE', inIP(PROTOCOL.GRE, '00000800', IP)],
    ['GRE with key and sequence number', inIP(PROTOCOL.GRE, '300008000000000100000002', IP)],
    ['GRE with Ethernet', inIP(PROTOCOL.GRE, '00006558', FRAME)],
    ['MPLS in GRE', inIP(PROTOCOL.GRE, '00008847', '0002013f', IP)],
    ['MPLS in IP', inIP(PROTOCOL.MPLS, '0002013f', IP)],
    ['ERSPAN I', inIP(PROTOCOL.GRE, '000088be', FRAME)],
    ['ERSPAN II', inIP(PROTOCOL.GRE, '100088be00000001', '1001000a00000000', FRAME)],
    ['ERSPAN III', inIP(PROTOCOL.GRE, '100022eb00000001', '2001000a0000000000000000', FRAME)],
    [
      'ERSPAN III with a platform subheader',
      inIP(PROTOCOL.GRE, '100022eb00000001', '2001000a0000000000000001', '0000000000000000', FRAME),
    ],
    ['VXLAN', inVXLAN(FRAME)],
    ['VXLAN on port 8472, which Linux used', inVXLAN(FRAME, 8472)],
    ['VXLAN in VXLAN', inVXLAN(inVXLAN(FRAME))],
    ['VXLAN with group policy', inUDP(4789, '8800001000006400', FRAME)],
    ['VXLAN-GPE with Ethernet', inUDP(4790, '0c00000300006400', FRAME)],
    ['VXLAN-GPE with IPv4', inUDP(4790, '0c00000100006400', IP)],
    ['GTP-U', inUDP(2152, '30ff010400000007', IP)],
    ['GTP-U with a sequence number', inUDP(2152, '32ff010800000007', '00010000', IP)],
    ['GTP-U with extension headers', inUDP(2152, '34ff011000000007', '00000085', '01000185', '01000200', IP)],
    ['GENEVE', inUDP(6081, '0000655800006400', FRAME)],
    ['GENEVE with options and IPv4', inUDP(6081, '0200080000006400', '0102800100000001', IP)],
    ['L2TP', inUDP(1701, '000200010001', 'ff030021', IP)],
    [
      'L2TP with length, sequence number and offset',
      inUDP(1701, '4a02000000010001', '00010002', '0002ffff', '0021', IP),
    ],
    ['LISP', inUDP(4341, '8000000000000001', IP)],
    ['MPLS in UDP', inUDP(6635, '0001013f', IP)],
    ['CAPWAP', inUDP(5247, '0010020000000000', FRAME)],
    ['TZSP', inUDP(37008, '01000001', '0d0107', '00', '01', FRAME)],
    ['mirroring of Juniper', inUDP(30030, '0000000100000002', IP)],
    ['EtherIP', inIP(97, '3000', FRAME)],
    [
      'the authentication header in IPv4',
      inIP(PROTOCOL.AUTHENTICATION, '0404000000000001', '00'.repeat(16), IP),
    ],
    ['WCCP in GRE', inIP(PROTOCOL.GRE, '0000883e', '00000000', IP)],
    ['EoIP', inIP(PROTOCOL.GRE, '20016400', '01120100', FRAME)],
    ['802.1BR', ethernet(0x893f, '0000000100000800', IP)],
    ['Cisco MetaData', ethernet(0x8909, '01010001000a0800', IP)],
    ['HSR', ethernet(0x892f, '004000010800', IP)],
    ['MACsec without encryption', ethernet(0x88e5, '0000000000010800', IP)],
    ['PBB', ethernet(0x88e7, '00000064', FRAME)],
    ['VN-Tag', ethernet(0x8926, '000100020800', IP)],
    ['802.3 with SNAP', ethernet(8 + IP.length, 'aaaa030000000800', IP)],
    ['802.3 with LLC', ethernet(3 + IP.length, '060603', IP)],
  ]
  const TAGGED =
    `QinQ|MPLS, two labels|MPLS pseudowire|PPPoE|802.1BR|Cisco MetaData|HSR|MACsec without encryption|PBB|
    VN-Tag|802.3 with SNAP|802.3 with LLC`.split(/\|\s*/)
  for (const [title, frame] of cases) {
    it(`return the addresses and the message of the innermost packet: ${title}`, async () => {
      const { messages } = await captures.read([frame], { keepFrames: true })
      assert.deepEqual(
        messages.map(({ src, dst, bytes }) => ({ src, dst, text: bytes.toString() })),
        [{ ...INNER, text: INVITE }],
      )
      assert.equal(
        messages[0]!.origin!.payload === null,
        !TAGGED.includes(title),
        'a message can be edited in place only outside of a tunnel',
      )
    })
  }

  /** The fields are length, type and value, each in the byte order of the host that captured. */
  const NFLOG_PAYLOAD_SIZE = Buffer.alloc(2)
  NFLOG_PAYLOAD_SIZE.writeUInt16LE(4 + IP.length)
  const links: [title: string, linktype: number, header: string][] = [
    ['NULL, IPv4', 0, '02000000'],
    ['NULL, IPv4, big-endian', 0, '00000002'],
    ['NULL with an Ethernet type', 0, '00000800'],
    ['NULL with PPP', 0, 'ff030021'],
    ['PPP with a multilink fragment', 9, 'ff03003dc00000010021'],
    ['PPP with MPLS', 9, 'ff0302810001013f'],
    ['PPP in HDLC framing', 50, 'ff030021'],
    ['Cisco HDLC in PPP_HDLC', 50, '0f000800'],
    ['PPPoE', 51, '1100000101040021'],
    ['Cisco HDLC', 104, '0f000800'],
    ['Frame Relay with NLPID', 107, '184103cc'],
    ['Frame Relay with an Ethernet type', 107, '18410800'],
    ['Frame Relay with SNAP', 107, '18410300800000000800'],
    ['ENC of OpenBSD, big-endian', 109, '000000020000000000000000'],
    ['ENC of OpenBSD, little-endian', 109, '020000000000000000000000'],
    ['cooked capture with SNAP', 113, '00000001000602000000000100000004aaaa030000000800'],
    ['PFLOG', 117, '3d020000'.padEnd(128, '0')],
    ['NFLOG', 239, `020000000800010008000000${NFLOG_PAYLOAD_SIZE.toString('hex')}0900`],
  ]
  for (const [title, linktype, header] of links) {
    it(`return the message of a frame of link type ${linktype}: ${title}`, async () => {
      const frame = Buffer.concat([Buffer.from(header, 'hex'), IP])
      const { messages } = await captures.read([frame], {}, linktype)
      assert.deepEqual(
        messages.map(({ src, dst, bytes }) => ({ src, dst, text: bytes.toString() })),
        [{ ...INNER, text: INVITE }],
      )
    })
  }

  it('return the messages in UDP-Lite and in Teredo', async () => {
    const udp = IP.subarray(20)
    const lite = Buffer.from(udp)
    lite.writeUInt16BE(8, 4)
    const [v6] = udpFrames(
      { src: ['2001:db8::1', 5060], dst: ['2001:db8::2', 5062], payload: Buffer.from(INVITE) },
      { linktype: LINKTYPE.RAW },
    ) as [Buffer]
    const frames = [
      inIP(136, lite),
      inUDP(3544, v6),
      inUDP(3544, '00010000000000000000000000', '0000000000000000', v6),
    ]
    const { messages } = await captures.read(frames)
    assert.deepEqual(
      messages.map(({ bytes }) => bytes.toString()),
      [INVITE, INVITE, INVITE],
    )
  })

  it('tunnels nested too deeply count as malformed; too many tags or labels count as not IP', async () => {
    let tunnel = FRAME
    for (let depth = 0; depth < 20; depth++) tunnel = inVXLAN(tunnel)
    let packet = IP
    for (let depth = 0; depth < 20; depth++) {
      packet = ipFrames(
        { ...OUTER, protocol: PROTOCOL.IPIP, payload: packet },
        { linktype: LINKTYPE.RAW },
      )[0]!
    }
    const tags = ethernet(0x8100, '00018100'.repeat(60_000), '00010800', IP)
    const labels = ethernet(0x8847, '00010000'.repeat(60_000))
    const { messages, skipped } = await captures.read([tunnel, ethernet(0x0800, packet), tags, labels])
    assert.equal(messages.length, 0)
    assert.equal(skipped.malformed, 2)
    assert.equal(skipped.notIP, 2)
  })

  it('the origin of a message tells whether it can be edited in place', async () => {
    const { messages } = await captures.read([FRAME], { keepFrames: true })
    const { frame, networkOffset, payload } = messages[0]!.origin!
    assert.equal(networkOffset, 14)
    assert.equal(frame.ticksPerSecond, 1e9)
    assert.equal(frame.data.toString('latin1', payload!.offset, payload!.offset + payload!.length), INVITE)
    const fragments = udpFrames({ ...INNER, payload: Buffer.from(INVITE) }, { ...ETHERNET, mtu: 100 })
    const inPieces = await captures.read(fragments, { keepFrames: true })
    assert.equal(inPieces.messages[0]!.origin!.payload, null)
    assert.equal((await captures.read([FRAME])).messages[0]!.origin, undefined)
  })
})

describe('captures of HEP3', () => {
  const captures = captureFolder()
  const u8 = (value: number) => Buffer.from([value])
  const u16 = (value: number) => Buffer.from([value >> 8, value & 255])
  const u32 = (value: number) =>
    Buffer.from([value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255])
  const head = [
    [1, u8(2)],
    [2, u8(17)],
    [3, Buffer.from([10, 0, 0, 1])],
    [4, Buffer.from([10, 0, 0, 2])],
    [7, u16(5060)],
    [8, u16(5062)],
    [9, u32(1_600_000_000)],
    [10, u32(1_234)],
    [11, u8(1)],
  ] as [number, Buffer][]
  const sent = (packet: Buffer) =>
    udpFrames({ src: ['192.0.2.9', 40_000], dst: ['192.0.2.8', 9060], payload: packet }, ETHERNET)[0]!

  it('addresses, time and payload come from the capture agent, with or without compression', async () => {
    const compressed = deflateSync(Buffer.from(INVITE))
    const { messages } = await captures.read([
      sent(hepPacket([...head, [15, Buffer.from(INVITE)]])),
      sent(hepPacket([...head, [16, compressed]])),
    ])
    const message = { time: '1600000000.001234000', transport: 'udp', ...INNER, text: INVITE }
    assert.deepEqual(
      messages.map(({ frame, time, transport, src, dst, bytes }) => ({
        frame,
        time,
        transport,
        src,
        dst,
        text: bytes.toString(),
      })),
      [
        { frame: 1, ...message },
        { frame: 2, ...message },
      ],
    )
  })

  it('TCP and IPv6 are read', async () => {
    const v6 = (last: number) => Buffer.from([...Buffer.alloc(15), last])
    const chunks = head.filter(([type]) => ![2, 3, 4].includes(type))
    const packet = hepPacket([...chunks, [2, u8(6)], [5, v6(1)], [6, v6(2)], [15, Buffer.from(INVITE)]])
    const { messages } = await captures.read([sent(packet)])
    assert.deepEqual(
      messages.map(({ transport, src, dst }) => [transport, src[0], dst[0]]),
      [['tcp', '::1', '::2']],
    )
  })

  it('packets that have no SIP, that are cut at any byte, or that have wrong lengths are counted', async () => {
    const whole = hepPacket([...head, [15, Buffer.from(INVITE)]])
    const frames = [
      sent(hepPacket([...head, [15, Buffer.from('{"rtcp":1}')]])),
      sent(hepPacket([[15, Buffer.from(INVITE)]])),
    ]
    for (let length = 6; length < whole.length; length++) frames.push(sent(whole.subarray(0, length)))
    const lying = Buffer.from(whole)
    lying.writeUInt16BE(3, 10)
    frames.push(sent(lying), sent(hepPacket([...head, [16, Buffer.from('not deflated')]])))
    const { messages, skipped } = await captures.read(frames)
    assert.equal(messages.length, 0)
    assert.equal(skipped.hep, frames.length)
  })
})

describe('captures of IP fragments that overlap', () => {
  const captures = captureFolder()

  it('the earlier bytes are kept; fragments from another minute are not mixed in', async () => {
    const fragments = (text: string) =>
      udpFrames({ ...INNER, payload: Buffer.from(text) }, { ...ETHERNET, mtu: 100, identification: 5 })
    const [first, other] = [fragments(INVITE), fragments(INVITE.toLowerCase())]
    const mixed = [first[0]!, other[0]!, first[1]!, first[1]!, ...first.slice(2)]
    assert.deepEqual(texts((await captures.read(mixed)).messages), [[mixed.length, INVITE]])
    const later = Array.from({ length: 100 }, () => ethernet(0x0806))
    const apart = await captures.read([first[0]!, ...later, ...first])
    assert.deepEqual(texts(apart.messages), [[1 + later.length + first.length, INVITE]])
    assert.equal(apart.skipped.fragments, 1)
  })
})

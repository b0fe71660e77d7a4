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
  ]
  for (const [title, frame] of cases) {
    it(`return the addresses and the message of the innermost packet: ${title}`, async () => {
      const { messages } = await captures.read([frame], { keepFrames: true })
      assert.deepEqual(
        messages.map(({ src, dst, bytes }) => ({ src, dst, text: bytes.toString() })),
        [{ ...INNER, text: INVITE }],
      )
      const tagged = ['QinQ', 'MPLS, two labels', 'MPLS pseudowire', 'PPPoE'].includes(title)
      assert.equal(
        messages[0]!.origin!.payload === null,
        !tagged,
        'a message can be edited in place only outside of a tunnel',
      )
    })
  }

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

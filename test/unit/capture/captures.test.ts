/** Captures of every kind, written by our own encoder and read back. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { Fragments } from '../../../packages/cli/src/capture/fragments.ts'
import {
  type CapturedMessage,
  CaptureEncoder,
  type CaptureEncoderOptions,
  createCaptureStats,
  type FrameEncoderOptions,
  LINKTYPE,
  readSIPMessages,
  udpFrames,
} from '../../../packages/cli/src/capture/index.ts'
import { INVITE, inviteOf } from '../../support/messages.ts'

const V4 = { src: ['192.0.2.10', 5060], dst: ['192.0.2.1', 5062] } as const
const V6 = { src: ['2001:db8::10', 5060], dst: ['::1', 5061] } as const
const PORTS_OF_OTHERS = { src: ['192.0.2.10', 16_384], dst: ['192.0.2.1', 40_000] } as const

describe('captures', () => {
  const folder = mkdtempSync(join(tmpdir(), 'siplet-captures-'))
  after(() => rmSync(folder, { recursive: true }))
  let files = 0

  async function read(bytes: Uint8Array) {
    const path = join(folder, `${++files}.pcap`)
    writeFileSync(path, bytes)
    const stats = createCaptureStats()
    const messages: CapturedMessage[] = []
    for await (const batch of readSIPMessages(path, stats)) messages.push(...batch)
    return { messages, stats, path, truncated: stats.truncated[path] }
  }

  function capture(options: Partial<CaptureEncoderOptions>, frames: readonly Buffer[]): Buffer {
    const encoder = new CaptureEncoder({ format: 'pcapng', linktype: LINKTYPE.ETHERNET, ...options })
    return Buffer.concat([
      encoder.header,
      ...frames.map((frame, k) => encoder.frame(1_700_000_000 + k, 123_456_789, frame)),
    ])
  }

  const udp = (
    text: string | Buffer,
    options: Partial<FrameEncoderOptions> = {},
    addresses: { src: readonly [string, number]; dst: readonly [string, number] } = V4,
  ) => udpFrames({ ...addresses, payload: Buffer.from(text) }, { linktype: LINKTYPE.ETHERNET, ...options })

  describe('of both formats, byte orders and resolutions, over every link layer, IPv4 and IPv6', () => {
    // encapsulation.test.ts has the others, with headers written by hand.
    const { NULL, LOOP, ETHERNET, PPP, RAW, LINUX_SLL, LINUX_SLL2, IPV4, IPV6 } = LINKTYPE
    const linktypes = { NULL, LOOP, ETHERNET, PPP, RAW, LINUX_SLL, LINUX_SLL2 }
    for (const format of ['pcap', 'pcapng'] as const) {
      for (const littleEndian of [true, false]) {
        for (const resolution of ['microseconds', 'nanoseconds'] as const) {
          it(`are read: ${format}, ${littleEndian ? 'little' : 'big'} endian, ${resolution}`, async () => {
            for (const [name, linktype] of Object.entries(linktypes)) {
              const frames = [...udp(INVITE, { linktype }), ...udp(inviteOf('second'), { linktype }, V6)]
              const { messages, stats } = await read(
                capture({ format, littleEndian, resolution, linktype }, frames),
              )
              const fraction = resolution === 'nanoseconds' ? '123456789' : '123456000'
              assert.deepEqual(
                messages.map(({ file, bytes, ...rest }) => ({ ...rest, text: bytes.toString() })),
                [
                  { frame: 1, time: `1700000000.${fraction}`, transport: 'udp', ...V4, text: INVITE },
                  {
                    frame: 2,
                    time: `1700000001.${fraction}`,
                    transport: 'udp',
                    ...V6,
                    text: inviteOf('second'),
                  },
                ],
                name,
              )
              assert.equal(stats.frames, 2)
            }
          })
        }
      }
    }

    it('are read with linktypes that allow only one IP version', async () => {
      for (const [linktype, addresses] of [
        [IPV4, V4],
        [IPV6, V6],
      ] as const) {
        const { messages } = await read(capture({ linktype }, udp(INVITE, { linktype }, addresses)))
        assert.deepEqual(
          messages.map(({ src }) => src),
          [addresses.src],
        )
      }
    })
  })

  it('with one or two VLAN tags are read', async () => {
    const { messages } = await read(
      capture({}, [...udp(INVITE, { vlans: [5] }), ...udp(INVITE, { vlans: [100, 7] }, V6)]),
    )
    assert.equal(messages.length, 2)
  })

  describe('with IP fragments', () => {
    const large = inviteOf('x'.repeat(5_000))
    for (const [version, addresses] of [
      ['IPv4', V4],
      ['IPv6', V6],
    ] as const) {
      it(`${version}: a message belongs to the frame that completes it, in any order of fragments`, async () => {
        const frames = udp(large, { mtu: 1_280, identification: 7 }, addresses)
        assert.ok(frames.length > 3)
        for (const order of [frames, frames.toReversed(), [...frames.slice(1), frames[0]!]]) {
          const { messages, stats } = await read(capture({}, order))
          assert.deepEqual(
            messages.map(({ frame, bytes }) => [frame, bytes.toString()]),
            [[frames.length, large]],
          )
          assert.equal(stats.skipped.fragments, 0)
        }
      })

      it(`${version}: fragments of different datagrams are not mixed up`, async () => {
        const one = udp(inviteOf('1'.repeat(2_000)), { mtu: 1_280, identification: 1 }, addresses)
        const two = udp(inviteOf('2'.repeat(2_000)), { mtu: 1_280, identification: 2 }, addresses)
        const { messages } = await read(capture({}, [one[0]!, two[0]!, one[1]!, two[1]!]))
        assert.deepEqual(
          messages.map(({ bytes }) => bytes.toString()),
          [inviteOf('1'.repeat(2_000)), inviteOf('2'.repeat(2_000))],
        )
      })

      it(`${version}: the fragments of a datagram with a missing fragment are counted`, async () => {
        const frames = udp(large, { mtu: 1_280 }, addresses)
        const { messages, stats } = await read(capture({}, [frames[0]!, ...frames.slice(2)]))
        assert.equal(messages.length, 0)
        assert.equal(stats.skipped.fragments, frames.length - 1)
      })
    }

    it('a flood of first fragments needs bounded memory, and all fragments are counted', async () => {
      const frames = Array.from(
        { length: 3_000 },
        (_, identification) => udp(large, { mtu: 1_280, identification })[0]!,
      )
      const { stats } = await read(capture({}, frames))
      assert.equal(stats.skipped.fragments, 3_000)
    })
  })

  it('with tiny fragments: the overhead of each fragment counts as memory', () => {
    const fragments = new Fragments()
    const tiny = Buffer.alloc(8)
    for (let datagram = 0; datagram < 100; datagram++) {
      for (let piece = 0; piece < 1_500; piece++) fragments.add(String(datagram), piece * 8, true, tiny, 0)
    }
    const early = fragments.takeDropped()
    assert.ok(early > 0, '1.2 MB of payload need more than 32 MiB of memory')
    assert.equal(early + fragments.end(), 150_000)
  })

  describe('with content other than SIP', () => {
    const cases: [
      title: string,
      kind: string,
      payload: Buffer,
      addresses?: typeof V4 | typeof PORTS_OF_OTHERS,
    ][] = [
      ['text on port 5060', 'notSIP', Buffer.from('hello')],
      ['HTTP on port 5060', 'notSIP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
      ['STUN on port 5060', 'notSIP', Buffer.from('000100002112a442000000000000000000000000', 'hex')],
      ['an empty datagram on port 5060', 'notSIP', Buffer.alloc(0)],
      [
        'a log line on port 5060',
        'notSIP',
        Buffer.from('Received INVITE sip:x@h SIP/2.0\r\n\r\nCall-ID: 1\r\n'),
      ],
      ['a CRLF keep-alive', 'keepAlive', Buffer.from('\r\n\r\n')],
      ['a keep-alive of zero bytes', 'keepAlive', Buffer.alloc(4)],
    ]
    for (const [title, kind, payload] of cases) {
      it(`${title} is counted as ${kind}`, async () => {
        const { messages, stats } = await read(capture({}, [...udp(payload), ...udp(INVITE)]))
        assert.deepEqual(
          messages.map(({ frame }) => frame),
          [2],
        )
        assert.equal(stats.skipped[kind as 'notSIP'], 1)
        assert.equal(
          Object.values(stats.skipped).reduce((sum, count) => sum + count),
          1,
        )
      })
    }

    it('media on other ports is neither read nor counted; SIP on other ports is read', async () => {
      const media = udp(Buffer.from([0x80, 0, 1, 2]), {}, PORTS_OF_OTHERS)
      const { messages, stats } = await read(capture({}, [...media, ...udp(INVITE, {}, PORTS_OF_OTHERS)]))
      assert.equal(messages.length, 1)
      assert.equal(stats.skipped.notSIP, 0)
    })

    it('ARP, wrong lengths and unknown link layers are counted', async () => {
      const arp = Buffer.concat([Buffer.alloc(12), Buffer.from('0806', 'hex'), Buffer.alloc(28)])
      const [frame] = udp(INVITE)
      const tooShort = Buffer.from(frame!)
      tooShort.writeUInt16BE(10, 14 + 2)
      const { messages, stats } = await read(capture({}, [arp, tooShort, frame!.subarray(0, 20), frame!]))
      assert.equal(messages.length, 1)
      assert.equal(stats.skipped.notIP, 1)
      assert.equal(stats.skipped.malformed, 2)
      const foreign = await read(capture({ linktype: 147 }, [frame!]))
      assert.equal(foreign.stats.skipped.linktype, 1)
      assert.deepEqual(foreign.stats.unknownLinktypes, [147])
    })

    it('padding of short Ethernet frames is not part of the message', async () => {
      const [frame] = udp(INVITE)
      const { messages } = await read(capture({}, [Buffer.concat([frame!, Buffer.alloc(10)])]))
      assert.equal(messages[0]!.bytes.toString(), INVITE)
    })

    it('the captured part of a truncated frame is delivered', async () => {
      const [frame] = udp(INVITE)
      const { messages } = await read(capture({}, [frame!.subarray(0, 100)]))
      assert.equal(messages[0]!.bytes.toString(), INVITE.slice(0, 100 - 42))
    })
  })

  describe('that end too early', () => {
    for (const format of ['pcap', 'pcapng'] as const) {
      it(`${format}, cut at any byte: complete messages are delivered, and the rest is reported`, async () => {
        const frames = [...udp('OPTIONS sip:a SIP/2.0\r\n\r\n'), ...udp('OPTIONS sip:b SIP/2.0\r\n\r\n')]
        const encoder = new CaptureEncoder({ format, linktype: LINKTYPE.ETHERNET })
        const records = frames.map((frame, k) => encoder.frame(k, 0, frame))
        const whole = Buffer.concat([encoder.header, ...records])
        const ends = [0, encoder.header.length, encoder.header.length + records[0]!.length, whole.length]
        for (let length = 4; length <= whole.length; length++) {
          const { messages, truncated } = await read(whole.subarray(0, length))
          assert.equal(
            messages.length,
            Math.max(0, ends.filter((end) => end <= length).length - 2),
            `cut at ${length}`,
          )
          // In pcapng, the section header and the interface description are separate blocks.
          const atBoundary = ends.includes(length) || (format === 'pcapng' && length === 28)
          assert.equal(truncated === undefined, atBoundary, `cut at ${length}`)
          if (truncated) assert.ok(truncated.offset < length && truncated.reason.startsWith('the file ends'))
        }
      })
    }

    it('a record that claims gigabytes is reported, not allocated', async () => {
      const bytes = capture({ format: 'pcap' }, udp(INVITE))
      const claim = Buffer.alloc(16)
      claim.writeUInt32LE(4_000_000_000, 8)
      const { messages, truncated } = await read(Buffer.concat([bytes, claim]))
      assert.equal(messages.length, 1)
      assert.deepEqual(truncated, { offset: bytes.length, reason: 'a record claims 4000000000 bytes' })
    })

    it('a pcapng block with a broken length is reported', async () => {
      const bytes = capture({}, udp(INVITE))
      const broken = Buffer.concat([bytes, Buffer.from('0600000007000000', 'hex'), Buffer.alloc(20)])
      const { messages, truncated } = await read(broken)
      assert.equal(messages.length, 1)
      assert.deepEqual(truncated, { offset: bytes.length, reason: 'a block claims 7 bytes' })
    })

    it('random bytes after a valid beginning cause no error other than CaptureError', async () => {
      const bytes = capture({}, [...udp(INVITE), ...udp(INVITE, {}, V6)])
      await fc.assert(
        fc.asyncProperty(fc.nat(bytes.length - 1), fc.uint8Array({ maxLength: 40 }), async (at, noise) => {
          const damaged = Buffer.from(bytes)
          damaged.set(noise.subarray(0, bytes.length - at), Math.max(4, at) % (bytes.length - noise.length))
          await read(Buffer.concat([bytes.subarray(0, 4), damaged.subarray(4)])).catch((error) => {
            assert.equal(error.name, 'CaptureError')
          })
        }),
        { numRuns: 300 },
      )
    })
  })

  describe('that are not captures', () => {
    it('are refused: an empty file, text, and a file that is too short', async () => {
      for (const bytes of [Buffer.alloc(0), Buffer.from('ab'), Buffer.from('this is not a capture')]) {
        await assert.rejects(read(bytes), { name: 'CaptureError', code: 'ERR_SIPLET_CAPTURE_FORMAT' })
      }
    })

    it('are refused: a missing file and a folder', async () => {
      for (const path of [join(folder, 'nowhere.pcap'), folder]) {
        const reading = async () => {
          for await (const _ of readSIPMessages(path, createCaptureStats()));
        }
        await assert.rejects(reading, { code: 'ERR_SIPLET_CAPTURE_NOT_FOUND' })
      }
    })
  })

  it('in the modified format of old versions of Linux are read', async () => {
    const plain = capture({ format: 'pcap' }, udp(INVITE))
    const modified = Buffer.concat([plain.subarray(0, 40), Buffer.alloc(8), plain.subarray(40)])
    modified.writeUInt32LE(0xa1b2cd34, 0)
    const { messages, truncated } = await read(modified)
    assert.equal(truncated, undefined)
    assert.deepEqual(
      messages.map(({ bytes }) => bytes.toString()),
      [INVITE],
    )
  })

  it('of packets that Wireshark exported are read', async () => {
    const item = (tag: number, value: string) => {
      const bytes = Buffer.from(value, 'hex')
      return Buffer.concat([Buffer.from([0, tag, 0, bytes.length]), bytes])
    }
    const addresses = [item(20, 'c000020a'), item(23, '20010db8000000000000000000000001')]
    const ports = [item(24, '00000002'), item(25, '000013c4'), item(26, '000013c5')]
    const exported = (...items: Buffer[]) => Buffer.concat([...items, item(0, ''), Buffer.from(INVITE)])
    const frames = [
      exported(item(12, '73697000'), ...addresses, ...ports),
      exported(),
      exported().subarray(0, 3),
      Buffer.concat([item(0, ''), Buffer.from('no SIP')]),
    ]
    const { messages, stats } = await read(capture({ linktype: LINKTYPE.WIRESHARK_UPPER_PDU }, frames))
    assert.deepEqual(
      messages.map(({ transport, src, dst, bytes }) => [transport, src, dst, bytes.toString()]),
      [
        ['tcp', ['192.0.2.10', 5060], ['2001:db8::1', 5061], INVITE],
        ['udp', ['0.0.0.0', 0], ['0.0.0.0', 0], INVITE],
      ],
    )
    assert.deepEqual([stats.skipped.malformed, stats.skipped.notSIP], [1, 1])
  })

  it('with several pcapng sections and interfaces, and simple and obsolete packet blocks are read', async () => {
    const block = (type: number, body: Buffer) => {
      const bytes = Buffer.alloc(12 + Math.ceil(body.length / 4) * 4)
      bytes.writeUInt32LE(type, 0)
      bytes.writeUInt32LE(bytes.length, 4)
      body.copy(bytes, 8)
      bytes.writeUInt32LE(bytes.length, bytes.length - 4)
      return bytes
    }
    const interfaceBlock = (linktype: number, options: number[]) =>
      block(1, Buffer.from([linktype, 0, 0, 0, 0, 0, 0, 0, ...options, 0, 0, 0, 0]))
    const section = block(0x0a0d0d0a, Buffer.from('4d3c2b1a01000000ffffffffffffffff', 'hex'))
    const [raw] = udp(INVITE, { linktype: LINKTYPE.RAW })
    const [ether] = udp(INVITE)
    const enhanced = Buffer.alloc(20)
    enhanced.writeUInt32LE(1, 0)
    // The resolution is 2^-10 s: 2.5 s are 2560 ticks.
    enhanced.writeUInt32LE(2_560, 8)
    enhanced.writeUInt32LE(raw!.length, 12)
    const obsolete = Buffer.alloc(20)
    obsolete.writeUInt32LE(7_000_001, 8)
    obsolete.writeUInt32LE(ether!.length, 12)
    const originalLength = Buffer.alloc(4)
    originalLength.writeUInt32LE(ether!.length)
    const bytes = Buffer.concat([
      section,
      interfaceBlock(LINKTYPE.ETHERNET, []),
      interfaceBlock(LINKTYPE.RAW, [9, 0, 1, 0, 0x8a, 0, 0, 0, 14, 0, 8, 0, 100, 0, 0, 0, 0, 0, 0, 0]),
      block(6, Buffer.concat([enhanced, raw!])),
      block(4, Buffer.from('name resolution')),
      block(0x0bad, Buffer.from([0, 0, 0, 1])),
      block(9, Buffer.from('MESSAGE=hello')),
      block(2, Buffer.concat([obsolete, ether!])),
      section,
      interfaceBlock(LINKTYPE.ETHERNET, []),
      block(3, Buffer.concat([originalLength, ether!])),
    ])
    const { messages, truncated } = await read(bytes)
    assert.equal(truncated, undefined)
    assert.deepEqual(
      messages.map(({ frame, time }) => [frame, time]),
      [
        [1, '102.500000000'],
        // tshark counts custom blocks and entries of the systemd journal.
        [4, '7.000001000'],
        [5, '0.000000000'],
      ],
    )
  })

  it('with a huge block that holds no packet are read: the block is skipped', async () => {
    const encoder = new CaptureEncoder({ format: 'pcapng', linktype: LINKTYPE.ETHERNET })
    const [frame] = udp(INVITE)
    const huge = Buffer.alloc(100 * 1_024 * 1_024)
    huge.writeUInt32LE(0x0a, 0)
    huge.writeUInt32LE(huge.length, 4)
    huge.writeUInt32LE(huge.length, huge.length - 4)
    const whole = await read(Buffer.concat([encoder.header, huge, encoder.frame(1, 0, frame!)]))
    assert.equal(whole.truncated, undefined)
    assert.equal(whole.messages.length, 1)
    const cut = await read(Buffer.concat([encoder.header, encoder.frame(1, 0, frame!), huge.subarray(0, -4)]))
    assert.equal(cut.messages.length, 1)
    assert.equal(cut.truncated!.reason, 'the file ends within a record, 4 bytes before its end')
  })

  it('return every datagram that was written to them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('pcap' as const, 'pcapng' as const),
        fc.boolean(),
        fc.constantFrom(V4, V6),
        fc.array(fc.uint8Array({ maxLength: 4_000 }), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 68, max: 1_500 }),
        async (format, littleEndian, addresses, bodies, mtu) => {
          const payloads = bodies.map((body) =>
            Buffer.concat([Buffer.from('MESSAGE sip:a SIP/2.0\r\n\r\n'), body]),
          )
          const frames = payloads.flatMap((payload, identification) =>
            udp(payload, { mtu, identification }, addresses),
          )
          const { messages } = await read(capture({ format, littleEndian }, frames))
          assert.deepEqual(
            messages.map(({ bytes }) => bytes),
            payloads,
          )
        },
      ),
    )
  })
})

/** SIP over TCP and WebSocket in captures. */
import assert from 'node:assert/strict'
import { constants, createDeflateRaw } from 'node:zlib'
import fc from 'fast-check'
import { captureFolder, texts } from '../../support/capture-reading.ts'
import { TCPSide, webSocketFrame } from '../../support/encapsulation.ts'
import { INVITE, inviteOf, RINGING } from '../../support/messages.ts'

const ALICE = ['192.0.2.10', 40_000] as const
const PROXY = ['192.0.2.1', 5060] as const
const V6 = [
  ['2001:db8::10', 40_000],
  ['2001:db8::1', 5555],
] as const
const HTTP_UPGRADE =
  'GET /ws HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: sip\r\n\r\n'
const HTTP_SWITCHING =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: sip\r\n\r\n'

describe('captures of TCP', () => {
  const captures = captureFolder()
  const side = (sequence = 1_000) => new TCPSide(ALICE, PROXY, { sequence })

  it('messages are read in both directions, over IPv4 and IPv6, on any port', async () => {
    for (const [from, to] of [[ALICE, PROXY], V6]) {
      const [a, b] = [new TCPSide(from, to), new TCPSide(to, from, { sequence: 7 })]
      const { messages } = await captures.read([a.syn(), b.syn(), a.send(INVITE), b.send(RINGING)])
      assert.deepEqual(
        messages.map(({ frame, transport, src, dst, bytes }) => [
          frame,
          transport,
          src,
          dst,
          bytes.toString(),
        ]),
        [
          [3, 'tcp', from, to, INVITE],
          [4, 'tcp', to, from, RINGING],
        ],
      )
    }
  })

  it('each message belongs to the frame that completes it, if a segment has several messages or a message several segments', async () => {
    const a = side()
    const stream = INVITE + inviteOf('2') + inviteOf('3')
    const cut = INVITE.length + 10
    const frames = [
      a.syn(),
      a.send(stream.slice(0, cut)),
      a.send(stream.slice(cut, cut + 5)),
      a.send(stream.slice(cut + 5)),
    ]
    assert.deepEqual(texts((await captures.read(frames)).messages), [
      [2, INVITE],
      [4, inviteOf('2')],
      [4, inviteOf('3')],
    ])
  })

  it('segments of every size are assembled', async () => {
    const stream = INVITE + RINGING
    for (const size of [1, 7, 100, stream.length]) {
      const a = side()
      const frames = [a.syn()]
      for (let at = 0; at < stream.length; at += size) frames.push(a.send(stream.slice(at, at + size)))
      const { messages, skipped } = await captures.read(frames)
      assert.deepEqual(
        messages.map(({ bytes }) => bytes.toString()),
        [INVITE, RINGING],
        `${size} bytes per segment`,
      )
      assert.equal(skipped.tcp, 0)
    }
  })

  it('segments out of order, repeated and overlapping are assembled, even if the sequence numbers wrap', async () => {
    for (const sequence of [1_000, 2 ** 32 - 60]) {
      const a = side(sequence)
      const syn = a.syn()
      const at = (offset: number, end: number) =>
        a.sendAt((sequence + 1 + offset) >>> 0, INVITE.slice(offset, end))
      const pieces = [
        at(0, 40),
        at(80, 200),
        at(60, 120),
        at(80, 200),
        at(0, 40),
        at(30, 60),
        at(190, INVITE.length),
      ]
      const { messages, skipped } = await captures.read([syn, ...pieces])
      assert.deepEqual(texts(messages), [[8, INVITE]])
      assert.equal(skipped.tcp, 0)
    }
  })

  it('a retransmitted message is not delivered twice', async () => {
    const a = side()
    const frames = [a.syn(), a.send(INVITE), a.sendAt(1_001, INVITE), a.send(RINGING), a.fin()]
    assert.deepEqual(texts((await captures.read(frames)).messages), [
      [2, INVITE],
      [4, RINGING],
    ])
  })

  it('a connection that began before the capture is read from the first segment that begins with a message', async () => {
    const a = side()
    const frames = [a.send('tag=1\r\nContent-Length: 0\r\n\r\n'), a.send(INVITE), a.send(RINGING)]
    assert.deepEqual(texts((await captures.read(frames)).messages), [
      [2, INVITE],
      [3, RINGING],
    ])
  })

  it('a message with a missing segment is counted, and later messages are read', async () => {
    const a = side()
    const b = new TCPSide(PROXY, ALICE)
    const frames = [a.syn(), a.send(INVITE), a.send(inviteOf('lost').slice(0, 100))]
    a.send(inviteOf('lost').slice(100, 150))
    frames.push(
      a.send(inviteOf('lost').slice(150)),
      a.send(RINGING),
      b.acknowledge(a.sequence),
      a.send(inviteOf('after')),
    )
    const { messages, skipped } = await captures.read(frames)
    assert.deepEqual(texts(messages), [
      [2, INVITE],
      [5, RINGING],
      [7, inviteOf('after')],
    ])
    assert.equal(skipped.tcp, 1)
  })

  it('a gap that is never acknowledged is counted at the end of the capture, and later messages are read', async () => {
    const a = side()
    const frames = [a.syn(), a.send(INVITE)]
    a.send(inviteOf('lost'))
    frames.push(a.send(RINGING))
    const { messages, skipped } = await captures.read(frames)
    assert.deepEqual(texts(messages), [
      [2, INVITE],
      [3, RINGING],
    ])
    assert.equal(skipped.tcp, 1)
  })

  it('an endless flood after a gap needs bounded memory', async () => {
    const a = side()
    const frames = [a.syn(), a.send(INVITE)]
    a.send('x')
    for (let k = 0; k < 100; k++) frames.push(a.send('y'.repeat(60_000)))
    frames.push(a.send(`\r\n${RINGING}`))
    const { messages, skipped } = await captures.read(frames)
    assert.deepEqual(
      messages.map(({ bytes }) => bytes.toString()),
      [INVITE, RINGING],
    )
    assert.ok(skipped.tcp > 0)
  })

  it('a message that is cut off by the end of the connection or of the capture is counted', async () => {
    for (const end of [[], ['fin']]) {
      const a = side()
      const frames = [a.syn(), a.send(INVITE + RINGING.slice(0, 50)), ...end.map(() => a.fin())]
      const { messages, skipped } = await captures.read(frames)
      assert.equal(messages.length, 1)
      assert.equal(skipped.tcp, 1)
    }
  })

  it('a later connection may reuse the ports', async () => {
    const [first, second] = [side(), side(900_000)]
    const frames = [first.syn(), first.send(INVITE), first.fin(), second.syn(), second.send(RINGING)]
    assert.deepEqual(texts((await captures.read(frames)).messages), [
      [2, INVITE],
      [5, RINGING],
    ])
  })

  it('a later connection may reuse the ports with a lower sequence number, in both directions', async () => {
    const [a, b] = [side(1_000_000), new TCPSide(PROXY, ALICE, { sequence: 5_000 })]
    const [laterA, laterB] = [side(900_000), new TCPSide(PROXY, ALICE, { sequence: 4_000 })]
    const frames = [
      a.syn(),
      b.syn(),
      a.send(INVITE),
      laterA.syn(),
      laterB.syn(),
      laterA.send(inviteOf('2')),
      laterB.send(RINGING),
    ]
    const { messages, skipped } = await captures.read(frames)
    assert.deepEqual(texts(messages), [
      [3, INVITE],
      [6, inviteOf('2')],
      [7, RINGING],
    ])
    assert.equal(skipped.tcp, 0)
  })

  it('a repeated SYN, a SYN after the first data, and a forged SYN change nothing', async () => {
    const late = side()
    const lateSYN = late.syn()
    for (const frames of [
      [side().syn(), side(1_001).send(INVITE.slice(0, 50)), side().syn()],
      [side(1_001).send(INVITE.slice(0, 50)), lateSYN],
      [side().syn(), side(1_001).send(INVITE.slice(0, 50)), side(77_000).syn()],
    ]) {
      const rest = side(1_051).send(INVITE.slice(50))
      const { messages, skipped } = await captures.read([...frames, rest])
      assert.deepEqual(texts(messages), [[frames.length + 1, INVITE]])
      assert.equal(skipped.tcp, 0)
    }
  })

  it('a FIN or RST that was captured before the last data ends the connection after this data', async () => {
    for (const last of [(a: TCPSide) => a.fin(), (a: TCPSide) => a.rst()]) {
      const a = side()
      const [syn, first, second] = [a.syn(), a.send(INVITE.slice(0, 50)), a.send(INVITE.slice(50))]
      const { messages, skipped } = await captures.read([syn, first, last(a), second])
      assert.deepEqual(texts(messages), [[4, INVITE]])
      assert.equal(skipped.tcp, 0)
    }
  })

  it('a RST with a sequence number of the past or from outside of the window is ignored', async () => {
    for (const sequence of [0, 1_000, 3_000_000_000, 600_000_000]) {
      const a = side()
      const frames = [a.syn(), a.send(INVITE.slice(0, 50)), a.rst(sequence), a.send(INVITE.slice(50))]
      const { messages, skipped } = await captures.read(frames)
      assert.deepEqual(texts(messages), [[4, INVITE]])
      assert.equal(skipped.tcp, 0)
    }
  })

  it('a segment may come after its acknowledgement; it is given up after 16 more segments', async () => {
    const a = side()
    const b = new TCPSide(PROXY, ALICE)
    const [syn, late, next] = [a.syn(), a.send(INVITE), a.send(RINGING)]
    const acknowledged = [syn, next, b.acknowledge(a.sequence)]
    const inTime = await captures.read([...acknowledged, late])
    assert.deepEqual(texts(inTime.messages), [
      [4, INVITE],
      [4, RINGING],
    ])
    assert.equal(inTime.skipped.tcp, 0)
    const more = Array.from({ length: 17 }, (_, k) => a.send(inviteOf(`${k}`)))
    const tooLate = await captures.read([...acknowledged, ...more, late])
    assert.equal(tooLate.messages.length, 18)
    assert.equal(tooLate.skipped.tcp, 0, 'nothing of a message was lost: the stream was not known as SIP yet')
  })

  it('segments in any order of a small distance give the same messages', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 120 }), { minLength: 3, maxLength: 30 }),
        fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 40, maxLength: 40 }),
        async (sizes, delays) => {
          const stream = INVITE + inviteOf('2') + RINGING
          const a = side()
          const b = new TCPSide(PROXY, ALICE)
          const syn = a.syn()
          const pieces: Buffer[] = []
          for (let at = 0, k = 0; at < stream.length; k++) {
            const end = at + sizes[k % sizes.length]!
            pieces.push(a.send(stream.slice(at, end)), b.acknowledge(a.sequence))
            at = end
          }
          const shuffled = [...pieces.entries(), [pieces.length, a.fin()] as const]
            .map(([k, piece]) => ({ piece, place: k + delays[k % delays.length]! }))
            .sort((x, y) => x.place - y.place)
            .map(({ piece }) => piece)
          const { messages, skipped } = await captures.read([syn, ...shuffled])
          assert.deepEqual(
            messages.map(({ bytes }) => bytes.toString()),
            [INVITE, inviteOf('2'), RINGING],
          )
          assert.equal(skipped.tcp, 0)
        },
      ),
      { numRuns: 100 },
    )
  })

  it('line ends and NULs between messages are a keep-alive', async () => {
    const a = side()
    const frames = [a.syn(), a.send(INVITE), a.send('\r\n\0'), a.send('\r\n\r\n\0\0'), a.send(RINGING)]
    const { messages, skipped } = await captures.read(frames)
    assert.deepEqual(texts(messages), [
      [2, INVITE],
      [5, RINGING],
    ])
    assert.equal(skipped.notFramed, 0)
  })

  it('a truncated frame counts as a gap, and no message is assembled wrongly', async () => {
    const a = side()
    const cut = (frame: Buffer) => frame.subarray(0, 14 + 40 + 120)
    const frames = [a.syn(), a.send(INVITE), cut(a.send(inviteOf('cut'))), a.send(RINGING)]
    const { messages, skipped } = await captures.read(frames)
    assert.equal(
      messages.some(({ bytes }) => bytes.includes('Call-ID: cut')),
      false,
    )
    assert.equal(messages.at(-1)!.bytes.toString(), RINGING)
    assert.equal(skipped.tcp, 1)
  })

  it('HTTP is not read as SIP, even if its replies begin with SIP/2.0; TLS on port 5061 is counted', async () => {
    const web = new TCPSide(ALICE, ['192.0.2.1', 80])
    const tls = new TCPSide(ALICE, ['192.0.2.1', 5061])
    const frames = [
      web.syn(),
      web.send('GET / SIP/2.0\r\nHost: a\r\n\r\n'),
      web.send('SIP/2.0 200 ok\r\nServer: x\r\n\r\n'),
      tls.send(Buffer.from([22, 3, 1, 0, 5, 1, 2, 3, 4, 5])),
    ]
    const { messages, skipped } = await captures.read(frames)
    assert.equal(messages.length, 0)
    assert.equal(skipped.encrypted, 1)
  })

  it('keep-alives between messages are counted', async () => {
    const a = side()
    const { messages, skipped } = await captures.read([
      a.syn(),
      a.send(INVITE),
      a.send('\r\n\r\n'),
      a.send(RINGING),
    ])
    assert.equal(messages.length, 2)
    assert.equal(skipped.keepAlive, 1)
  })

  it('the origin of a message is the frame that completed it, and the message cannot be edited in place', async () => {
    const a = side()
    const frames = [a.syn(), a.send(INVITE.slice(0, 50)), a.send(INVITE.slice(50))]
    const { messages } = await captures.read(frames, { keepFrames: true })
    const { origin } = messages[0]!
    assert.deepEqual([origin!.frame.number, origin!.networkOffset, origin!.payload], [3, 14, null])
    assert.deepEqual(origin!.frame.data, frames[2])
  })
})

describe('captures of SIP over WebSocket (RFC 7118)', () => {
  const captures = captureFolder()
  const client = () => new TCPSide(ALICE, ['192.0.2.1', 8080])
  const server = () => new TCPSide(['192.0.2.1', 8080], ALICE)
  const MASK = 0x12345678

  it('are read from the upgrade on, masked from the client and unmasked from the server, on any port', async () => {
    const [a, b] = [client(), server()]
    const frames = [
      a.syn(),
      b.syn(),
      a.send(HTTP_UPGRADE),
      b.send(Buffer.concat([Buffer.from(HTTP_SWITCHING), webSocketFrame(RINGING)])),
      a.send(webSocketFrame(INVITE, { mask: MASK })),
      b.send(webSocketFrame(RINGING, { opcode: 2 })),
    ]
    const { messages } = await captures.read(frames)
    assert.deepEqual(
      messages.map(({ frame, transport, bytes }) => [frame, transport, bytes.toString()]),
      [
        [4, 'ws', RINGING],
        [5, 'ws', INVITE],
        [6, 'ws', RINGING],
      ],
    )
  })

  it('are read without the upgrade', async () => {
    const a = client()
    const { messages } = await captures.read([
      a.send('half a frame'),
      a.send(webSocketFrame(INVITE, { mask: MASK })),
    ])
    assert.deepEqual(texts(messages), [[2, INVITE]])
    assert.equal(messages[0]!.transport, 'ws')
  })

  it('fragmented messages are assembled, with control frames in between and segments of any size', async () => {
    const stream = Buffer.concat([
      Buffer.from(HTTP_UPGRADE),
      webSocketFrame(INVITE.slice(0, 70), { mask: MASK, final: false }),
      webSocketFrame('ping', { opcode: 9, mask: MASK }),
      webSocketFrame(INVITE.slice(70, 200), { opcode: 0, final: false, mask: 1 }),
      webSocketFrame(INVITE.slice(200), { opcode: 0, mask: 2 }),
      webSocketFrame('\r\n\r\n', { mask: MASK }),
      webSocketFrame(RINGING, { mask: MASK }),
    ])
    for (const size of [1, 13, 200, 5_000]) {
      const a = client()
      const frames = [a.syn()]
      for (let at = 0; at < stream.length; at += size) frames.push(a.send(stream.subarray(at, at + size)))
      const { messages, skipped } = await captures.read(frames)
      assert.deepEqual(
        messages.map(({ bytes }) => bytes.toString()),
        [INVITE, RINGING],
        `${size} bytes per segment`,
      )
      assert.equal(skipped.keepAlive, 1)
    }
  })

  it('compressed messages are read; they may refer to earlier messages (RFC 7692)', async () => {
    const a = client()
    const deflate = await deflater()
    const frames = [a.syn(), a.send(HTTP_UPGRADE)]
    for (const text of [INVITE, RINGING, inviteOf('2')]) {
      frames.push(a.send(webSocketFrame(await deflate(text), { rsv1: true, mask: MASK })))
    }
    const plain = a.send(webSocketFrame(RINGING, { mask: MASK }))
    const { messages, skipped } = await captures.read([...frames, plain])
    assert.deepEqual(texts(messages), [
      [3, INVITE],
      [4, RINGING],
      [5, inviteOf('2')],
      [6, RINGING],
    ])
    assert.equal(skipped.notFramed, 0)
  })

  it('damaged and oversized compressed messages, and malformed frames, are counted', async () => {
    const a = client()
    const frames = [
      a.syn(),
      a.send(HTTP_UPGRADE),
      a.send(webSocketFrame(Buffer.from('ffff', 'hex'), { rsv1: true })),
      a.send(webSocketFrame(await (await deflater())('x'.repeat(2 ** 21)), { rsv1: true })),
      a.send(webSocketFrame(INVITE)),
      a.send(Buffer.from('8fff', 'hex')),
    ]
    const { messages, skipped } = await captures.read(frames)
    assert.equal(messages.length, 1)
    assert.equal(skipped.notFramed, 3)
  })

  it('a frame that claims exabytes is counted, and later messages are read', async () => {
    const a = client()
    const huge = Buffer.from('81ffffffffffffffffff00000000', 'hex')
    const { messages, skipped } = await captures.read([
      a.syn(),
      a.send(HTTP_UPGRADE),
      a.send(huge),
      a.send(webSocketFrame(INVITE)),
    ])
    assert.equal(messages.length, 1)
    assert.equal(skipped.notFramed, 1)
  })
})

/** Returns a function that compresses one message after another, as one side of a connection does. */
async function deflater() {
  const stream = createDeflateRaw()
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  return async (text: string) => {
    stream.write(text)
    await new Promise<void>((resolve) => stream.flush(constants.Z_SYNC_FLUSH, resolve))
    // The sender leaves the last four bytes out: an empty block.
    return Buffer.concat(chunks.splice(0)).subarray(0, -4)
  }
}

/** Bodies and Content-Length between UDP and streams (RFC 3261 sections 18.1.1, 18.3 and 20.14). */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { ProxyOptions } from '@siplet/proxy'
import { WebSocket } from 'ws'
import { ISOLATIONS } from '../../support/engine.ts'
import { Lab } from '../../support/sip-peer.ts'
import { StreamPeer, until } from '../../support/stream-peer.ts'

const LISTEN = { listen: ['udp:127.0.0.1:0', 'tcp:127.0.0.1:0', 'ws:127.0.0.1:0'] }
const BINARY = Buffer.from([0x01, 0x00, 0x48, 0xff, 0xfe, 0x80, 0xc3])

const portOf = (lab: Lab, name: string) =>
  lab.proxy.listening.find(({ transport }) => transport === name)!.port

/** Returns a request over UDP without Content-Length, with these additional lines. */
function datagram(
  lab: Lab,
  lines: readonly string[],
  body: Buffer | string = '',
  method = 'MESSAGE',
): Buffer {
  const head = [
    `${method} sip:bob@example.net SIP/2.0`,
    `Via: SIP/2.0/UDP 127.0.0.1:${lab.client.port};branch=z9hG4bK-body`,
    'Max-Forwards: 70',
    'From: <sip:alice@example.com>;tag=a1',
    'To: <sip:bob@example.net>',
    'Call-ID: body',
    `CSeq: 1 ${method}`,
    ...lines,
    '',
    '',
  ]
  return Buffer.concat([Buffer.from(head.join('\r\n'), 'latin1'), Buffer.from(body as string, 'latin1')])
}

async function sendRaw(bytes: Buffer, port: number): Promise<void> {
  const socket = createSocket('udp4')
  await new Promise((resolve) => socket.send(bytes, port, '127.0.0.1', resolve))
  socket.close()
}

const relayTo = (port: number, how = 't_relay') =>
  `request_route(msg) { msg.set_dst_uri('sip:127.0.0.1:${port};transport=tcp'); return msg.call_function('${how}') }`

describe('a request that moves from UDP to a stream', () => {
  const heads: [string, string[], Buffer | string][] = [
    ['a binary body', ['Content-Type: application/octet-stream'], BINARY],
    ['a Content-Type in Latin-1', ['Content-Type: text/plain;x="\xe9\xff"'], 'caf\xe9'],
    ['a Content-Type with a NUL', ['Content-Type: a/b\0'], BINARY],
    ['two Content-Types', ['Content-Type: text/plain', 'c: text/html'], '<b>'],
    ['no Content-Type', [], 'body'],
    ['a Content-Type and no body', ['Content-Type: text/plain'], ''],
    [
      'odd headers',
      ['X-Odd:  \xfe two  spaces ', 'x-fold: a\r\n\t b', 'Subject:', 'No-Value :'],
      'x\r\n\r\ny',
    ],
    [
      'multipart',
      ['Content-Type: multipart/mixed;boundary=b'],
      '--b\r\nContent-Length: 99\r\n\r\nx\r\n--b--\r\n',
    ],
    ['message/sip', ['Content-Type: message/sip'], 'INVITE sip:x SIP/2.0\r\nContent-Length: 4\r\n\r\nabcd'],
  ]
  for (const how of ['t_relay', 'forward']) {
    for (const [what, lines, body] of heads) {
      it(`${how}: ${what} arrives unchanged, with the number of its bytes`, async () => {
        await using peer = await StreamPeer.listen()
        await using lab = await Lab.open(relayTo(peer.port, how), LISTEN)
        const sent = datagram(lab, lines, body)
        await sendRaw(sent, lab.port)
        const end = Buffer.from(body as string, 'latin1').toString('latin1')
        const text = await peer.until((seen) => seen.includes('\r\n\r\n') && seen.endsWith(end))
        const expected = sent
          .toString('latin1')
          .replace('Max-Forwards: 70', 'Max-Forwards: 69')
          .replace('\r\n\r\n', `\r\nContent-Length: ${Buffer.from(body as string, 'latin1').length}\r\n\r\n`)
        assert.equal(withoutTopVia(text), expected)
      })
    }
  }

  for (const isolation of ISOLATIONS) {
    it(`${isolation}: a binary body arrives as the script left it`, async () => {
      await using peer = await StreamPeer.listen()
      const script = `request_route(msg) {
        msg.setHeader('X-Seen', String(msg.body.length))
        if (msg.getHeader('X-New') !== null) msg.setBody('h\\u00e9', 'text/plain')
        msg.set_dst_uri('sip:127.0.0.1:${peer.port};transport=tcp')
        return 1
      }`
      await using lab = await Lab.open(script, { ...LISTEN, isolation })
      await sendRaw(datagram(lab, [], BINARY), lab.port)
      const binary = BINARY.toString('latin1')
      const text = await peer.until((seen) => seen.endsWith(binary))
      assert.match(text, /\r\nContent-Length: 7\r\n/)
      peer.text = ''
      await sendRaw(
        Buffer.from(
          datagram(lab, ['X-New: 1'], BINARY).toString('latin1').replace('-body', '-two'),
          'latin1',
        ),
        lab.port,
      )
      const edited = await peer.until((seen) => seen.endsWith('h\xc3\xa9'))
      assert.match(edited, /\r\nContent-Length: 3\r\n/)
    })
  }

  it('loses the bytes after its body in the datagram (section 18.3)', async () => {
    await using lab = await Lab.open(`request_route(msg) { msg.set_dst_uri(A); return 1 }`)
    await sendRaw(datagram(lab, ['Content-Length: 3'], 'abcINVITE sip:x SIP/2.0'), lab.port)
    assert.match((await lab.servers[0]!.next('MESSAGE')).text, /\r\n\r\nabc$/)
  })

  for (const length of [
    '-1',
    'abc',
    '9',
    '7 (seven)',
    '7, 7',
    '',
    '99999999999999999999',
    '7\r\nl: 7',
    '7\r\nl: 3',
  ]) {
    it(`is refused with Content-Length ${JSON.stringify(length)}`, async () => {
      await using lab = await Lab.open(`request_route(msg) { msg.set_dst_uri(A); return 1 }`)
      await sendRaw(datagram(lab, [`Content-Length: ${length}`], BINARY), lab.port)
      await lab.client.next(400)
      assert.equal(lab.servers[0]!.summary(), '')
    })
  }
})

function withoutTopVia(text: string): string {
  return text.replace(/\r\nVia: [^\r]*/, '')
}

describe('a reply that moves from UDP to a stream', () => {
  const lengths: [string, string[], Buffer | string, number?][] = [
    ['none', [], BINARY],
    ['none, and no body', [], ''],
    ['one that is too large', ['Content-Length: 999'], BINARY],
    ['-1', ['Content-Length: -1'], BINARY],
    ['abc', ['Content-Length: abc'], BINARY],
    ['twice the same', ['Content-Length: 7', 'Content-Length: 7'], BINARY],
    ['two that differ', ['Content-Length: 3', 'l: 900'], BINARY],
    ['the compact form', ['l: 900'], BINARY],
    ['one in two lines', ['Content-Length:\r\n 900'], BINARY],
    ['a comment', ['Content-Length : 7 (seven)'], BINARY],
    ['an empty one', ['Content-Length:'], BINARY],
    ['one that is too small', ['Content-Length: 3'], BINARY, 3],
    ['the right one', ['L:7'], BINARY],
  ]
  for (const how of ['t_relay', 'forward']) {
    it(`${how}: never swallows the next reply, whatever its Content-Length says`, async () => {
      await using lab = await Lab.open(
        `request_route(msg) { msg.set_dst_uri(A); return msg.call_function('${how}') }`,
        LISTEN,
      )
      await using peer = await StreamPeer.connect(portOf(lab, 'tcp'))
      for (const [index, [what, lines, body, kept]] of lengths.entries()) {
        peer.text = ''
        const branch = `z9hG4bK-${how}-${index}`
        peer.send(request('OPTIONS', 'TCP', branch, ['Content-Length: 0']))
        const arrived = await lab.servers[0]!.next('OPTIONS')
        const head = arrived
          .headerNames()
          .flatMap((name) =>
            ['via', 'from', 'to', 'call-id', 'cseq'].includes(name.toLowerCase()) ? [name] : [],
          )
        const copied = [...new Set(head)].flatMap((name) =>
          arrived.getHeaders(name).map((value) => `${name}: ${value}`),
        )
        const text = [
          'SIP/2.0 200 OK',
          ...copied,
          'X-Odd: \xff ',
          'Content-Type: a/b;\xe9',
          ...lines,
          '',
          '',
        ].join('\r\n')
        await sendRaw(
          Buffer.concat([Buffer.from(text, 'latin1'), Buffer.from(body as string, 'latin1')]),
          lab.port,
        )
        const expected = Buffer.from(body as string, 'latin1').subarray(0, kept ?? body.length)
        const seen = await peer.until(
          (got) => got.includes('\r\n\r\n') && got.endsWith(expected.toString('latin1')),
        )
        const [answer] = seen.split('\r\n\r\n', 1)
        const given = [...answer!.matchAll(/\r\n(?:Content-Length|l)\s*:\s*(.*)/gi)].map(([, value]) => value)
        assert.deepEqual(given, [String(expected.length)], what)
        assert.ok(answer!.includes('\r\nX-Odd: \xff \r\nContent-Type: a/b;\xe9'), what)
        assert.equal(seen.length, answer!.length + 4 + expected.length, what)
      }
    })
  }

  it('gets the empty line that ends its head', async () => {
    await using lab = await Lab.open(`request_route(msg) { msg.set_dst_uri(A); return 1 }`, LISTEN)
    await using peer = await StreamPeer.connect(portOf(lab, 'tcp'))
    peer.send(request('OPTIONS', 'TCP', 'z9hG4bK-cut', ['Content-Length: 0']))
    const { text } = await lab.servers[0]!.next('OPTIONS')
    const lines = text.split('\r\n').filter((line) => /^(?:Via|From|To|Call-ID|CSeq):/.test(line))
    await sendRaw(Buffer.from(['SIP/2.0 200 OK', ...lines, 'Content-Length: 0', ''].join('\r\n')), lab.port)
    assert.match(await peer.until((seen) => seen.includes('\r\n\r\n')), /\r\nContent-Length: 0\r\n\r\n$/)
  })

  it('goes out as one WebSocket message', async () => {
    await using lab = await Lab.open(`request_route(msg) { msg.set_dst_uri(A); return 1 }`, LISTEN)
    const socket = new WebSocket(`ws://127.0.0.1:${portOf(lab, 'ws')}`, 'sip')
    await once(socket, 'open')
    socket.send(request('OPTIONS', 'WS', 'z9hG4bK-ws', []))
    const arrived = await lab.servers[0]!.next('OPTIONS')
    const answer = arrived.text.replace(/^.*/, 'SIP/2.0 200 OK').replace('\r\n\r\n', '\r\nl: 900\r\n\r\n')
    await sendRaw(Buffer.concat([Buffer.from(answer, 'latin1'), BINARY]), lab.port)
    const [data] = await once(socket, 'message')
    assert.match(data.toString('latin1'), /\r\nl: 7\r\n\r\n\x01\x00H\xff\xfe\x80\xc3$/)
    socket.terminate()
  })
})

function request(
  method: string,
  transport: string,
  branch: string,
  lines: readonly string[],
  body = '',
): string {
  return [
    `${method} sip:bob@example.net SIP/2.0`,
    `Via: SIP/2.0/${transport} client.invalid;branch=${branch}`,
    'Max-Forwards: 70',
    'From: <sip:alice@example.com>;tag=a1',
    'To: <sip:bob@example.net>',
    `Call-ID: ${branch}`,
    `CSeq: 1 ${method}`,
    ...lines,
    '',
    body,
  ].join('\r\n')
}

describe('a request on a stream whose end is unknown', () => {
  const bad: [string, string[], number][] = [
    ['no Content-Length', [], 400],
    ['-1', ['Content-Length: -1'], 400],
    ['abc', ['Content-Length: abc'], 400],
    ['two that differ', ['Content-Length: 3', 'l: 4'], 400],
    ['a comment', ['Content-Length: 3 (three)'], 400],
    ['one beyond maxBodyBytes', ['Content-Length: 99999999'], 413],
  ]
  for (const [what, lines, status] of bad) {
    it(`is answered with ${status}, and the connection closed: ${what}`, async () => {
      await using lab = await Lab.open(`request_route(msg) { msg.set_dst_uri(A); return 1 }`, LISTEN)
      await using peer = await StreamPeer.connect(portOf(lab, 'tcp'))
      peer.send(request('OPTIONS', 'TCP', 'z9hG4bK-bad', lines, 'abcINVITE sip:smuggled SIP/2.0\r\n'))
      await until(
        () => peer.ended,
        () => 'the connection stays open',
      )
      assert.match(peer.text, new RegExp(`^SIP/2\\.0 ${status} `))
      assert.equal(lab.servers[0]!.summary(), '')
    })
  }

  it('closes the connection without an answer for a reply or an ACK', async () => {
    await using lab = await Lab.open(`request_route(msg) { msg.set_dst_uri(A); return 1 }`, LISTEN)
    for (const text of [
      request('ACK', 'TCP', 'z9hG4bK-ack', []),
      'SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP a\r\n\r\n',
    ]) {
      await using peer = await StreamPeer.connect(portOf(lab, 'tcp'))
      peer.send(text)
      await until(
        () => peer.ended,
        () => 'the connection stays open',
      )
      assert.equal(peer.text, '')
    }
  })

  it('is answered with 400 over WebSocket, because a WebSocket message has its own end', async () => {
    await using lab = await Lab.open(`request_route(msg) { msg.set_dst_uri(A); return 1 }`, LISTEN)
    const socket = new WebSocket(`ws://127.0.0.1:${portOf(lab, 'ws')}`, 'sip')
    await once(socket, 'open')
    socket.send(request('OPTIONS', 'WS', 'z9hG4bK-ws400', ['Content-Length: abc'], 'abc'))
    assert.match(String((await once(socket, 'message'))[0]), /^SIP\/2\.0 400 /)
    socket.terminate()
  })
})

describe('a request that is too large for a datagram (section 18.1.1)', () => {
  const large: Partial<ProxyOptions> = { ...LISTEN, udpMaxBytes: 700 }
  it('is measured as it is sent, with our Via', async () => {
    await using peer = await StreamPeer.listen()
    await using lab = await Lab.open(
      `request_route(msg) { msg.set_dst_uri('sip:127.0.0.1:${peer.port}'); return 1 }`,
      large,
    )
    const plain = datagram(lab, ['Content-Length: 0', 'X: ']).length
    await sendRaw(datagram(lab, ['Content-Length: 0', `X: ${'x'.repeat(690 - plain)}`]), lab.port)
    assert.match(await peer.until((seen) => seen.includes('\r\n\r\n')), /^MESSAGE .*\r\nVia: SIP\/2\.0\/TCP /)
  })
})

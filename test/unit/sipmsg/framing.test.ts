import assert from 'node:assert/strict'
import { type Frame, frameOf, SIPMessage, StreamFramer, type StreamFramerOptions } from '@siplet/sipmsg'
import { INVITE, RINGING, sip } from '../../support/messages.ts'

const bytes = (text: string) => Buffer.from(text, 'latin1')

/** Shows messages as their text and errors as their code. Call-IDs or methods would hide too much. */
function told(frames: Frame[]): string[] {
  return frames.map((frame) => {
    if (frame.type === 'message') return Buffer.from(frame.bytes).toString('latin1')
    return frame.type === 'error' ? frame.error.code : frame.type
  })
}

function framed(text: string, options?: StreamFramerOptions): string[] {
  const framer = new StreamFramer(options)
  return told([...framer.push(bytes(text)), ...framer.end()])
}

const WITH_BODY = sip({
  startLine: 'MESSAGE sip:b@c SIP/2.0',
  body: 'hello\r\n\r\nINVITE sip:not@a.message SIP/2.0\r\n',
})
const RESYNC = { onGarbage: 'resync' } as const

describe('messages on a stream', () => {
  it('end where Content-Length says', () => {
    assert.deepEqual(framed(INVITE + WITH_BODY + RINGING), [INVITE, WITH_BODY, RINGING])
  })

  it('come out as soon as their last byte is there', () => {
    const framer = new StreamFramer()
    assert.deepEqual(framer.push(bytes(WITH_BODY.slice(0, -1))), [])
    assert.deepEqual(told(framer.push(bytes(`${WITH_BODY.slice(-1)}IN`))), [WITH_BODY])
    assert.deepEqual(told(framer.end()), ['ERR_SIPLET_MESSAGE_TRUNCATED'])
  })

  it('are copies: the chunk may be reused', () => {
    const chunk = bytes(INVITE)
    const [frame] = new StreamFramer().push(chunk)
    chunk.fill(0)
    assert.deepEqual(told([frame!]), [INVITE])
  })

  it('need memory only while they arrive', () => {
    const framer = new StreamFramer()
    assert.deepEqual([framer.pendingBytes, framer.heldBytes], [0, 0])
    framer.push(bytes(INVITE.slice(0, 100)))
    assert.equal(framer.pendingBytes, 100)
    assert.ok(framer.heldBytes >= 100 && framer.heldBytes <= 400, String(framer.heldBytes))
  })

  it('may have keep-alives between them: a double CRLF is a ping, a single one an answer', () => {
    assert.deepEqual(framed(`\r\n\r\n${INVITE}\r\n${RINGING}\r\n\r\n\r\n\r\n`), [
      'ping',
      INVITE,
      RINGING,
      'ping',
      'ping',
    ])
  })

  it('may have heads that end with LF alone', () => {
    const text = 'OPTIONS sip:a SIP/2.0\nl: 2\n\nhi'
    assert.deepEqual(framed(text + INVITE), [text, INVITE])
  })

  it('are refused without Content-Length, unless the option says that this means no body', () => {
    const text = 'OPTIONS sip:a SIP/2.0\r\nTo: sip:a\r\n\r\n'
    assert.deepEqual(framed(text + INVITE), ['ERR_SIPLET_FRAMING'])
    assert.deepEqual(framed(text + INVITE, { missingContentLength: 'no-body' }), [text, INVITE])
  })

  for (const lengths of ['x', '-1', '', '1, 2', '5\r\nContent-Length: 6']) {
    it(`are refused with Content-Length ${JSON.stringify(lengths)}`, () => {
      const text = `OPTIONS sip:a SIP/2.0\r\nContent-Length: ${lengths}\r\n\r\nhello!`
      assert.deepEqual(framed(text), ['ERR_SIPLET_FRAMING'])
      assert.deepEqual(framed(text + INVITE, RESYNC).slice(0, 1), ['ERR_SIPLET_FRAMING'])
    })
  }

  it('with two equal Content-Lengths are accepted', () => {
    const text = 'OPTIONS sip:a SIP/2.0\r\nl: 2\r\nContent-Length: 2\r\n\r\nhi'
    assert.deepEqual(framed(text), [text])
  })
})

describe('garbage on a stream', () => {
  it('closes it: nothing more is read', () => {
    const framer = new StreamFramer()
    assert.deepEqual(told(framer.push(bytes(`GET / HTTP/1.1\r\n${INVITE}`))), ['ERR_SIPLET_NOT_SIP'])
    assert.ok(framer.closed)
    assert.deepEqual(framer.push(bytes(INVITE)), [])
    assert.deepEqual(framer.end(), [])
  })

  it('is skipped up to the next start line, if the option says so', () => {
    assert.deepEqual(framed(`GET / HTTP/1.1\r\nHost: a\r\n\r\n${INVITE}\0\0\0\n${RINGING}`, RESYNC), [
      'ERR_SIPLET_NOT_SIP',
      INVITE,
      'ERR_SIPLET_NOT_SIP',
      RINGING,
    ])
  })

  it('may be an endless line: nothing of it is kept', () => {
    const framer = new StreamFramer({ ...RESYNC, maxHeadBytes: 1_000 })
    const found: Frame[] = []
    for (let i = 0; i < 1_000; i++) found.push(...framer.push(Buffer.alloc(1_000, 'x')))
    found.push(...framer.push(bytes(`\n${INVITE}`)))
    assert.deepEqual(told(found), ['ERR_SIPLET_HEAD_TOO_LARGE', INVITE])
  })

  it('may be an endless head', () => {
    const text = `INVITE sip:a SIP/2.0\r\n${'X: y\r\n'.repeat(10_000)}`
    assert.deepEqual(framed(text, { maxHeadBytes: 1_000 }), ['ERR_SIPLET_HEAD_TOO_LARGE'])
    assert.deepEqual(framed(`${text}\r\n${INVITE}`, { ...RESYNC, maxHeadBytes: 1_000 }), [
      'ERR_SIPLET_HEAD_TOO_LARGE',
      INVITE,
    ])
  })

  it('may be a longer head in a reply than in a request', () => {
    const limits = { maxHeadBytes: 100, maxReplyHeadBytes: 200 }
    for (const [startLine, max] of [
      ['INVITE sip:a SIP/2.0', 100],
      ['SIP/2.0 200 OK', 200],
    ] as const) {
      for (const [length, expected] of [
        [max, 'message'],
        [max + 1, 'error'],
      ] as const) {
        const text = `${startLine}\r\nl: 0\r\nX: `
        const message = `${text}${'x'.repeat(length - text.length - 4)}\r\n\r\n`
        assert.equal(message.length, length)
        assert.deepEqual(
          framed(message, limits),
          expected === 'message' ? [message] : ['ERR_SIPLET_HEAD_TOO_LARGE'],
        )
        assert.equal(frameOf(bytes(message), limits).type, expected)
      }
    }
  })

  it('may be a body that is too long; its bytes are not taken for messages', () => {
    const options = { maxBodyBytes: 1_000 }
    const body = `${INVITE}\r\n`.repeat(10)
    const text = `MESSAGE sip:a SIP/2.0\r\nl: ${body.length}\r\n\r\n${body}`
    assert.deepEqual(framed(text + RINGING, options), ['ERR_SIPLET_BODY_TOO_LARGE'])
    assert.deepEqual(framed(text + RINGING, { ...options, ...RESYNC }), [
      'ERR_SIPLET_BODY_TOO_LARGE',
      RINGING,
    ])
  })
})

describe('a datagram, or a WebSocket message', () => {
  it('holds one message; bytes beyond Content-Length are left out', () => {
    assert.deepEqual(told([frameOf(bytes(INVITE))]), [INVITE])
    assert.deepEqual(told([frameOf(bytes(`${WITH_BODY}\r\ntrailing`))]), [WITH_BODY])
    assert.deepEqual(new SIPMessage(`${WITH_BODY}\r\ntrailing`).trailingText, '\r\ntrailing')
  })

  it('needs no Content-Length: the message extends to its end', () => {
    const text = 'MESSAGE sip:a SIP/2.0\r\nTo: sip:a\r\n\r\nhello'
    assert.deepEqual(told([frameOf(bytes(text))]), [text])
  })

  it('may be shorter than Content-Length says: it is kept, so that it can be answered', () => {
    const short = WITH_BODY.slice(0, -3)
    assert.deepEqual(told([frameOf(bytes(short))]), [short])
    assert.equal(new SIPMessage(short).truncatedIn, 'body')
  })

  it('may be a keep-alive, or not SIP', () => {
    assert.deepEqual(told([frameOf(bytes('\r\n\r\n')), frameOf(bytes('\0\0\0\0')), frameOf(bytes(''))]), [
      'ping',
      'ERR_SIPLET_NOT_SIP',
      'ERR_SIPLET_NOT_SIP',
    ])
  })
})

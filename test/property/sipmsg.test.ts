import assert from 'node:assert/strict'
import {
  decodeUtf8,
  encodeUtf8,
  type Frame,
  isSIP,
  reply,
  SIPMessage,
  StreamFramer,
  toBytes,
  toText,
  validate,
} from '@siplet/sipmsg'
import fc from 'fast-check'
import { sip } from '../support/messages.ts'
import { readEverything } from '../support/read-everything.ts'

const name = fc
  .stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,11}$/)
  .filter((text) => !/^(l|content-length)$/i.test(text))
const value = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => !/[\r\n\0]/.test(text))
const bytes = fc.uint8Array({ maxLength: 200 })

const oneByteText = (min: number, maxLength: number) =>
  fc.array(fc.integer({ min, max: 255 }), { maxLength }).map((codes) => String.fromCharCode(...codes))

/** Messages with unusual but real features: folds, repeated names, bare LFs, bytes that are not UTF-8. */
const message = fc
  .record({
    startLine: fc.constantFrom('INVITE sip:a@b SIP/2.0', 'SIP/2.0 200 OK', 'SIP/2.0 404', 'X urn:y SIP/2.0'),
    headers: fc.array(fc.tuple(name, oneByteText(32, 30), fc.boolean()), {
      maxLength: 8,
    }),
    lineEnd: fc.constantFrom('\r\n', '\n'),
    body: oneByteText(0, 60),
  })
  .map(({ startLine, headers, lineEnd, body }) => {
    const lines = headers.map(([key, text, folded]) => `${key}: ${text}${folded ? `${lineEnd} folded` : ''}`)
    return [startLine, ...lines, `Content-Length: ${body.length}`, '', ''].join(lineEnd) + body
  })

type Edit = (message: SIPMessage) => void
const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.tuple(name, value).map(
    ([n, v]): Edit =>
      (m) =>
        m.setHeader(n, v),
  ),
  fc.tuple(name, value).map(
    ([n, v]): Edit =>
      (m) =>
        m.appendHeader(n, v),
  ),
  fc.tuple(name, value).map(
    ([n, v]): Edit =>
      (m) =>
        m.insertHeader(n, v),
  ),
  name.map(
    (n): Edit =>
      (m) =>
        m.removeHeader(n),
  ),
  fc.tuple(name, fc.nat(3), value).map(
    ([n, nth, v]): Edit =>
      (m) =>
        m.replaceHeader(n, nth, v),
  ),
  fc.tuple(name, fc.nat(3)).map(
    ([n, nth]): Edit =>
      (m) =>
        m.removeHeader(n, nth),
  ),
  name.map(
    (n): Edit =>
      (m) =>
        m.removeFirstValue(n),
  ),
  fc.constant((m: SIPMessage) => m.prependVia('SIP/2.0/UDP a;branch=z9hG4bK1')),
  fc.constant((m: SIPMessage) => m.prependRecordRoute('sip:a;lr')),
  value.map(
    (v): Edit =>
      (m) =>
        m.setBody(v, 'text/plain'),
  ),
  fc.constantFrom('sip:x@y', 'tel:+1').map(
    (uri): Edit =>
      (m) => {
        if (m.isRequest) m.rewriteRURI(uri)
      },
  ),
)

describe('properties of sipmsg', () => {
  it('a message without edits is its bytes', () => {
    fc.assert(
      fc.property(message, (text) => {
        assert.deepEqual(new SIPMessage(toBytes(text)).toBytes(), toBytes(text))
      }),
    )
  })

  it('successive edits equal edits of the edited message', () => {
    fc.assert(
      fc.property(message, fc.array(edit, { maxLength: 12 }), (text, edits) => {
        const composed = new SIPMessage(text)
        let stepwise = text
        for (const apply of edits) {
          apply(composed)
          const next = new SIPMessage(stepwise)
          apply(next)
          stepwise = next.text
          assert.equal(composed.text, stepwise)
        }
        assert.deepEqual(composed.headerNames(), new SIPMessage(stepwise).headerNames())
      }),
      { numRuns: 500 },
    )
  })

  it('getters after an edit equal those of a parser of the edited bytes, even if the bytes are cut off', () => {
    fc.assert(
      fc.property(message, fc.nat(), fc.array(edit, { maxLength: 6 }), (text, cut, edits) => {
        const piece = text.slice(0, Math.max(text.search(/\r?\n/), cut % (text.length + 1)))
        const edited = new SIPMessage(piece)
        for (const apply of edits) {
          // Offsets found before an edit are searched again only if the edit may have moved them.
          edited.headerLines()
          apply(edited)
          const parsed = new SIPMessage(edited.text)
          assert.deepEqual(edited.headerLines(), parsed.headerLines())
          assert.equal(edited.bodyStart, parsed.bodyStart)
          assert.equal(edited.ruri, parsed.ruri)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('splices are sorted, do not overlap, and carry over to another parse of the same bytes', () => {
    fc.assert(
      fc.property(message, fc.array(edit, { maxLength: 12 }), (text, edits) => {
        const edited = new SIPMessage(text)
        for (const apply of edits) apply(edited)
        let at = -1
        for (const { start, end } of edited.splices) {
          assert.ok(start > at && end >= start)
          at = end
        }
        const other = new SIPMessage(text)
        other.restoreSplices(edited.splices)
        assert.equal(other.text, edited.text)
      }),
    )
  })

  it('a header that was set is read with the same value', () => {
    fc.assert(
      fc.property(message, name, value, (text, key, given) => {
        const edited = new SIPMessage(text)
        edited.setHeader(key, given)
        // White space around a value is not part of it.
        assert.equal(edited.getHeader(key), given.replace(/^[ \t]+|[ \t]+$/g, ''))
        assert.equal(edited.getHeaders(key).length, 1)
      }),
    )
  })

  it('any bytes are SIP or are refused with a typed error', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          bytes,
          message.map(toBytes),
          fc.string().map((text) => Buffer.from(text)),
        ),
        (input) => {
          assert.equal(isSIP(input), readEverything(input))
        },
      ),
    )
  })

  it('a message that is cut anywhere is read without an exception, or is not SIP', () => {
    const whole = sip({ body: 'v=0\r\n' })
    for (let length = 0; length <= whole.length; length++) {
      const cut = whole.slice(0, length)
      if (!isSIP(cut)) continue
      const parsed = new SIPMessage(cut)
      assert.equal(parsed.truncatedIn === null, length === whole.length, `cut at ${length}`)
    }
  })

  it('UTF-8 is decoded as the WHATWG decoder does, and encoded back', () => {
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
    fc.assert(
      fc.property(
        fc.oneof(
          bytes,
          fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
        ),
        (input) => {
          assert.equal(decodeUtf8(toText(input)), decoder.decode(input))
        },
      ),
      { numRuns: 1_000 },
    )
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.deepEqual(Buffer.from(toBytes(encodeUtf8(text))), Buffer.from(text))
      }),
    )
  })

  it('one-byte text has the same bytes', () => {
    fc.assert(
      fc.property(bytes, (input) => {
        assert.deepEqual(toBytes(toText(input)), new Uint8Array(input))
        assert.equal(toText(Buffer.from(input)), toText(new Uint8Array(input)))
      }),
    )
  })

  const stream = fc
    .array(
      fc.oneof(
        { weight: 4, arbitrary: message },
        { weight: 1, arbitrary: fc.constantFrom('\r\n', '\n', '\r', '\r\n\r\n') },
        { weight: 1, arbitrary: oneByteText(0, 40) },
        {
          weight: 1,
          arbitrary: fc.constantFrom(
            'OPTIONS sip:a SIP/2.0\r\n\r\n',
            'OPTIONS sip:a SIP/2.0\r\nl: 99\r\n\r\n',
          ),
        },
      ),
      { maxLength: 8 },
    )
    .map((parts) => parts.join(''))

  it('the frames of a stream do not depend on its chunks', () => {
    const told = (frames: Frame[]) =>
      frames.map((frame) =>
        frame.type === 'message' ? toText(frame.bytes) : frame.type === 'error' ? frame.error.message : '',
      )
    fc.assert(
      fc.property(
        stream,
        fc.array(fc.nat(30), { maxLength: 40 }),
        fc.record({
          onGarbage: fc.constantFrom('close', 'resync'),
          missingContentLength: fc.constantFrom('refuse', 'no-body'),
          maxHeadBytes: fc.constantFrom(30, 60, 1_000),
          maxBodyBytes: fc.constantFrom(10, 1_000),
        }),
        (text, cuts, options) => {
          const input = toBytes(text)
          const whole = new StreamFramer(options)
          const expected = told([...whole.push(input), ...whole.end()])
          const pieces = new StreamFramer(options)
          const frames: Frame[] = []
          let at = 0
          for (const length of cuts) {
            frames.push(...pieces.push(input.subarray(at, at + length)))
            at += length
          }
          frames.push(...pieces.push(input.subarray(at)), ...pieces.end())
          assert.deepEqual(told(frames), expected)
        },
      ),
      { numRuns: 2_000 },
    )
  })

  it('a stream returns the messages that were written to it', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 6 }), (texts) => {
        const found = new StreamFramer().push(toBytes(texts.join('')))
        assert.deepEqual(
          found.map((frame) => (frame.type === 'message' ? toText(frame.bytes) : frame)),
          texts,
        )
      }),
    )
  })

  it('a reply belongs to its request, whatever the request contains', () => {
    fc.assert(
      fc.property(message, fc.integer({ min: 100, max: 699 }), (text, status) => {
        const request = new SIPMessage(text)
        if (!request.isRequest) return
        const answer = reply(request, status)
        assert.equal(answer.status, status)
        for (const header of ['Via', 'From', 'Call-ID', 'CSeq']) {
          assert.deepEqual(answer.getHeadersBytes(header), request.getHeadersBytes(header))
        }
        assert.ok(
          !validate(answer).some(({ code }) => code === 'TRAILING_BYTES' || code === 'HEAD_UNTERMINATED'),
        )
      }),
    )
  })
})

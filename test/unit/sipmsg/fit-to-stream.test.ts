import assert from 'node:assert/strict'
import { SIPMessage } from '@siplet/sipmsg'
import fc from 'fast-check'

const START = 'SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\n'

describe('fitToStream', () => {
  const cases: [string, string, string][] = [
    ['adds one', '\r\nab\xff', 'Content-Length: 3\r\n\r\nab\xff'],
    ['leaves the right one', 'l : 3\r\n\r\nab\xff', 'l : 3\r\n\r\nab\xff'],
    ['corrects one that is too large', 'l:  9 \r\nX: y\r\n\r\nab', 'l:  2 \r\nX: y\r\n\r\nab'],
    ['cuts what follows the body', 'Content-Length: 1\r\n\r\nab', 'Content-Length: 1\r\n\r\na'],
    ['makes one of several', 'l: 1\r\nX: y\r\nContent-Length: 1\r\n\r\nab', 'l: 2\r\nX: y\r\n\r\nab'],
    ['ends a head that was cut', 'X: y\r\n', 'X: y\r\nContent-Length: 0\r\n\r\n'],
    ['ends a head with Content-Length that was cut', 'Content-Length: 0\r\n', 'Content-Length: 0\r\n\r\n'],
    ['ends a head that was cut within a line', 'X: y', 'X: y\r\nContent-Length: 0\r\n\r\n'],
    ['writes bare LFs of the head as CRLF', 'X: y\nZ: z\nl: 3\n\na\nb', 'X: y\r\nZ: z\r\nl: 3\r\n\r\na\nb'],
    [
      'writes bare CRs of the head as spaces',
      'X: y\rZ: z\r\nl: 3\r\n\r\na\rb',
      'X: y Z: z\r\nl: 3\r\n\r\na\rb',
    ],
    ['writes a folded Content-Length on one line', 'l:\r\n \t\r\n  2\r\n\r\nab', 'l:  2\r\n\r\nab'],
    ['leaves other folded headers', 'X: a\r\n b\r\nl: 0\r\n\r\n', 'X: a\r\n b\r\nl: 0\r\n\r\n'],
  ]
  for (const [what, before, after] of cases) {
    it(what, () => {
      const message = new SIPMessage(START + before)
      message.fitToStream()
      assert.equal(message.text, START + after)
    })
  }

  it('leaves a message that a stream can be framed by, whatever its lines are', () => {
    const bytes = fc.string({
      unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
    })
    const line = fc.oneof(
      fc.constantFrom(
        'l: 3',
        'Content-Length: 99',
        'Content-Length: -1',
        'l',
        'Content-length :\r\n 1',
        'Content-Length: \r\n \r\n\t1 \r\n ',
        'X: \xff\rContent-Length: 5',
        'X: y\nContent-Length: 5',
        'X: y\r\r',
        '\n',
        '\r',
      ),
      bytes,
    )
    fc.assert(
      fc.property(fc.array(line), bytes, (lines, body) => {
        const head = lines.filter((text) => text !== '').map((text) => `${text}\r\n`)
        const message = new SIPMessage(`${START}${head.join('')}\r\n${body}`)
        message.fitToStream()
        assert.equal(message.contentLength, message.text.length - message.bodyStart)
        assert.equal(message.getHeaders('Content-Length').length, 1)
        assert.equal(message.trailingText, '')
        assert.doesNotMatch(message.text.slice(0, message.bodyStart), /\r(?!\n)|(?<!\r)\n/)
        const once = message.text
        message.fitToStream()
        assert.equal(message.text, once)
      }),
    )
  })

  it('finds the second Via wherever it stands', () => {
    const next = (lines: string) =>
      new SIPMessage(`SIP/2.0 200 OK\r\n${lines}\r\n`).nextVia?.toString() ?? null
    assert.equal(next('v: SIP/2.0/UDP a\r\n'), null)
    assert.equal(next('v: SIP/2.0/UDP a, , SIP/2.0/UDP b ;c\r\n'), 'SIP/2.0/UDP b ;c')
    assert.equal(next('v: SIP/2.0/UDP a,\r\nX: y\r\nVia: ,\r\n SIP/2.0/UDP b\r\n'), 'SIP/2.0/UDP b')
    assert.equal(next('v: SIP/2.0/UDP a;x="b, SIP/2.0/UDP c"\r\n'), null)
    assert.equal(next('v: SIP/2.0/UDP a\r\nv: nonsense\r\nv: SIP/2.0/UDP b\r\n'), null)
    assert.equal(next(''), null)
  })
})

/** Whatever a text contains, its printable form moves no cursor and forges no line. */
import assert from 'node:assert/strict'
import { escapedJSON, printable, printableJSON, printableLines, SipletError } from '@siplet/engine'
import fc from 'fast-check'

/** Returns whether a code point must never be shown raw. Written without the classes that the function itself uses. */
function isRaw(code: number): boolean {
  const within = (from: number, to: number) => code >= from && code <= to
  if (code === 0x09) return false
  return (
    within(0, 0x1f) ||
    within(0x7f, 0x9f) ||
    [0x61c, 0x200e, 0x200f].includes(code) ||
    within(0x2028, 0x202e) ||
    within(0x2066, 0x2069) ||
    within(0xd800, 0xdfff)
  )
}

const raw = (text: string, allowed = '') =>
  [...text].filter((character) => !allowed.includes(character) && isRaw(character.codePointAt(0)!))

/** Any UTF-16 text, with more critical characters than chance would give. */
const hostile = fc
  .array(
    fc.oneof(
      fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
      fc.constantFrom(
        '\x1b[2J',
        '\u009b31m',
        '\n',
        '\r',
        '\u202e',
        '\u2066',
        '\u2028',
        '\ud800',
        '😀',
        '\t',
        'é',
      ),
      fc.string({ unit: 'binary' }),
    ),
  )
  .map((parts) => parts.join(''))

describe('printable text', () => {
  it('has no control character, whatever the text is', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const shown = printable(text)
        assert.deepEqual(raw(shown), [])
        assert.equal(printable(shown), shown)
        assert.ok(shown.isWellFormed())
      }),
    )
  })

  it('keeps several lines: each is printable, all but the first are indented', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const shown = printableLines(text, '  ')
        assert.deepEqual(raw(shown, '\n'), [])
        const lines = shown.split('\n')
        assert.equal(lines.length, text.split('\n').length)
        assert.ok(lines.slice(1).every((line) => line.startsWith('  ')))
      }),
    )
  })

  it('as JSON has the same value, on one line', () => {
    fc.assert(
      fc.property(fc.dictionary(hostile, hostile), (value) => {
        const json = printableJSON(value)
        assert.deepEqual(raw(json), [])
        assert.deepEqual(JSON.parse(json), JSON.parse(JSON.stringify(value)))
        assert.equal(escapedJSON(`${JSON.stringify(value)}\n`), `${json}\n`)
      }),
    )
  })

  it('keeps every code point that is no control character', () => {
    for (let code = 0; code <= 0x10ffff; code++) {
      const character = String.fromCodePoint(code)
      const shown = printable(character)
      if (isRaw(code)) assert.match(shown, /^(?:\\[nr]|\\u[0-9a-f]{4})$/)
      else assert.equal(shown, character)
    }
  })

  it('is used for messages of engine errors', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const error = new SipletError('ERR_SIPLET_SCRIPT', text, { stack: text })
        assert.deepEqual(raw(error.message + error.stack, '\n'), [])
        assert.deepEqual(raw(new SipletError('ERR_SIPLET_SCRIPT', text).stack!, '\n'), [])
      }),
    )
  })
})

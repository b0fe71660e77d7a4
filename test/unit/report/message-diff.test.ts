import assert from 'node:assert/strict'
import { messageDiff } from '../../../packages/cli/src/report/page/message-diff.ts'

/** Returns one text per line of the diff: a sign and the line, with marked parts in brackets. */
function drawn(before: string, after: string): string[] {
  const signs = { kept: ' ', removed: '-', added: '+' }
  return messageDiff(before, after).map(
    ({ kind, parts }) =>
      signs[kind] + parts.map(({ text, marked }) => (marked ? `[${text}]` : text)).join(''),
  )
}

describe('messageDiff', () => {
  it('marks the changed part of a header line', () => {
    assert.deepEqual(
      drawn('INVITE sip:0049@a SIP/2.0\r\nTo: <sip:b>\r\n', 'INVITE sip:+49@a SIP/2.0\r\nTo: <sip:b>\r\n'),
      ['-INVITE sip:[0049]@a SIP/2.0', '+INVITE sip:[+49]@a SIP/2.0', ' To: <sip:b>'],
    )
  })

  it('shows added and removed headers as whole lines', () => {
    assert.deepEqual(drawn('A: 1\r\nServer: x\r\nB: 2\r\n\r\n', 'A: 1\r\nB: 2\r\nX-New: y\r\n\r\n'), [
      ' A: 1',
      '-Server: x',
      ' B: 2',
      '+X-New: y',
      ' ',
    ])
  })

  it('compares changed headers with headers of the same name', () => {
    assert.deepEqual(drawn('A: 1\r\nB: 2\r\n', 'B: 3\r\nC: 4\r\n'), ['-A: 1', '-B: [2]', '+B: [3]', '+C: 4'])
  })

  it('keeps the lines of a message whose body has no line end', () => {
    assert.deepEqual(drawn('A: 1\r\n\r\nbody', 'A: 1\r\n\r\nbody'), [' A: 1', ' ', ' body'])
  })
})

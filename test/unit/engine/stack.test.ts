/** Stacks of a script may be any text. */
import assert from 'node:assert/strict'
import { StackMapper } from '../../../packages/engine/src/script/stack.ts'

const LONG = 300_000

describe('a stack made by a script', () => {
  const stacks = new StackMapper({
    language: 'javascript',
    fileName: '/srv/router.js',
    code: '',
    globalName: null,
    map: JSON.stringify({ version: 3, sources: ['router.ts'], names: [], mappings: 'AAAA' }),
    loopChecks: null,
  })

  it('has the places of the script as written', () => {
    assert.equal(
      stacks.map('Error: x\n    at f (/srv/router.js:1:1)'),
      'Error: x\n    at f (/srv/router.ts:1:1)',
    )
  })

  // In quadratic time, this would take minutes.
  for (const [what, text] of [
    ['digits before a CR', `    at f (/srv/router.js:1:${'1'.repeat(LONG)}\r)`],
    ['digits before a line separator', `    at f (/srv/router.js:${'1'.repeat(LONG)}:1\u2028)`],
    ['spaces', `${' '.repeat(LONG)}at`],
    ['words of an eval', `    at ${'eval at a '.repeat(LONG / 10)}`],
    ['file names', '/srv/router.js:'.repeat(LONG / 15)],
    ['lines', '\n    at f (/srv/router.js:1:1)'.repeat(LONG / 30)],
  ] as const) {
    it(`is read in linear time: ${what}`, () => {
      assert.equal(typeof stacks.map(text), 'string')
    }).timeout(20_000)
  }
})

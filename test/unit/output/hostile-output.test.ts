/** Output of the command line for stacks and messages that a script made expensive to process. */
import assert from 'node:assert/strict'
import { SipletError } from '@siplet/engine'
import { errorLine, errorPlace } from '../../../packages/cli/src/output/error-place.ts'
import { lineChanges } from '../../../packages/cli/src/output/line-changes.ts'
import { handler, withEngine } from '../../support/engine.ts'
import { INVITE } from '../../support/messages.ts'

function errorWith(stack: string): SipletError {
  const error = new SipletError('ERR_SIPLET_SCRIPT', 'x')
  error.stack = stack
  return error
}

describe('the place of an error', () => {
  const stacks: [stack: string, place: string | null][] = [
    ['Error: x\n    at route (/s/a b.js:3:14)\n    at /s/c.js:1:1', 'b.js:3:14'],
    ['Error: x\n    at Object.route (/s/a.js:3:14)', '/s/a.js:3:14'],
    ['Error: x\n    at /s/a.js:3:14', '/s/a.js:3:14'],
    ['Traceback:\n  File "a.py", line 3, in f\n  File "b.py", line 7, in g\nValueError', 'b.py:7'],
    ['Error: at a:1:1', null],
    ['', null],
  ]
  for (const [stack, place] of stacks) {
    it(`is ${place} in ${JSON.stringify(stack)}`, () => assert.equal(errorPlace(errorWith(stack)), place))
  }

  it('can be shown without the column', () =>
    assert.equal(errorLine(errorWith('Error: x\n    at /s/a.js:3:14')), '/s/a.js:3'))

  it('is found in linear time', () => {
    // In quadratic time, these would take minutes.
    for (const part of ['\n', ' ', ':1:1', '    at ', '(']) {
      assert.equal(errorPlace(errorWith(`Error: x\n    at ${part.repeat(1_000_000)}x`)), null)
    }
  }).timeout(20_000)
})

describe('differences by lines', () => {
  it('are the removed, added and unchanged lines', () =>
    assert.deepEqual(
      lineChanges('a\nb\n', 'a\nc\n').map(({ value, added, removed }) => [value, added, removed]),
      [
        ['a\n', false, false],
        ['b\n', false, true],
        ['c\n', true, false],
      ],
    ))

  it('are all lines if the texts take too long to compare', () => {
    const text = (start: number) => Array.from({ length: 40_000 }, (_, i) => `${start + 2 * i}\n`).join('')
    const changes = lineChanges(text(0), text(1))
    assert.equal(
      changes
        .filter(({ removed }) => removed)
        .map(({ value }) => value)
        .join(''),
      text(0),
    )
    assert.equal(
      changes
        .filter(({ added }) => added)
        .map(({ value }) => value)
        .join(''),
      text(1),
    )
  }).timeout(20_000)
})

describe('options of an exec that throw', () => {
  it('take up no place in the queue', () =>
    withEngine(
      handler('probe() { return 7 }'),
      { isolation: 'inline', limits: { maxQueue: 2 } },
      async (engine) => {
        const options = {
          get context(): unknown {
            throw new Error('no context')
          },
        }
        for (let i = 0; i < 4; i++) {
          await assert.rejects(async () => engine.exec('probe', INVITE, options), /no context/)
        }
        assert.equal((await engine.exec('probe', INVITE)).code, 7)
      },
    ))
})

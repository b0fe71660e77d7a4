import assert from 'node:assert/strict'
import { createEngine } from '@siplet/engine'

describe('options of createEngine', () => {
  const refused: [options: unknown, message: RegExp][] = [
    [undefined, /options: /],
    [{}, /scriptName: /],
    [{ scriptName: '' }, /scriptName: must be the path of a script, not ""/],
    [{ scriptName: 'x.js', children: 0 }, /children: .*not 0/],
    [{ scriptName: 'x.js', children: 1.5 }, /children: .*not 1\.5/],
    [{ scriptName: 'x.js', isolation: 'none' }, /isolation: .*not "none"/],
    [{ scriptName: 'x.js', limits: { timeoutMs: -1 } }, /limits\.timeoutMs: .*not -1/],
    [{ scriptName: 'x.js', limits: { memoryMb: 4 } }, /limits\.memoryMb: .*not 4/],
    [{ scriptName: 'x.js', limits: { timeout: 5 } }, /limits: timeout: no such option/],
    [{ scriptName: 'x.js', childs: 5 }, /childs: no such option/],
    [
      { scriptName: 'x.js', modInitFunction: 'a b' },
      /modInitFunction: must be the name of a function.*"a b"/,
    ],
    [{ scriptName: 'x.js', functions: { f: 5 } }, /functions\.f: must be a function, not 5/],
    [{ scriptName: 'x.js', logger: {} }, /logger: must have the methods debug/],
    [{ scriptName: 'x.js', script_name: 'y.js' }, /scriptName is given twice, also as script_name/],
  ]
  for (const [options, message] of refused) {
    it(`${JSON.stringify(options)} is refused, naming the option and the value`, async () => {
      await assert.rejects(createEngine(options as never), {
        name: 'SipletError',
        code: 'ERR_SIPLET_CONFIG',
        message,
      })
    })
  }
})

import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { createEngine } from '@siplet/engine'

/** Returns options, one of which cannot be read. */
function throwing(name: string): object {
  const get = () => {
    throw new Error('a trap')
  }
  return Object.defineProperty({ scriptName: 'x.js' }, name, { get, enumerable: true })
}

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
    [{ scriptName: 'x.js', limits: new Map([['timeoutMs', 5]]) }, /limits: must be a plain object.*Map/],
    [{ scriptName: 'x.js', process: new Date(0) }, /process: must be a plain object.*Date/],
    [{ scriptName: 'x.js', limits: { timeoutMs: new Number(5) } }, /limits\.timeoutMs: /],
    [JSON.parse('{ "scriptName": "x.js", "__proto__": { "children": 2 } }'), /__proto__: no such option/],
    [throwing('children'), /they cannot be read: a trap/],
    [{ scriptName: 'x.js', limits: throwing('timeoutMs') }, /they cannot be read: a trap/],
    [{ scriptName: 'x.js', functions: throwing('f') }, /they cannot be read: a trap/],
  ]
  for (const [options, message] of refused) {
    it(`${inspect(options)} is refused, naming the option and the value`, async () => {
      await assert.rejects(createEngine(options as never), {
        name: 'SipletError',
        code: 'ERR_SIPLET_CONFIG',
        message,
      })
    })
  }
})

/** Every line of docs/python.md about MicroPython. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createEngine } from '@siplet/engine'
import { keepingLogger, scriptFile } from '../../support/engine.ts'
import { INVITE } from '../../support/messages.ts'

const SCRIPT = `
import re, json, hashlib, time

class Handler:
    def child_init(self, rank):
        return 0

    def outcome(self, msg, code):
        try:
            text = repr(eval(code))
        except BaseException as error:
            text = type(error).__name__
        msg.setHeader('X-Outcome', text)
        return 1

def mod_init():
    return Handler()
`

describe('docs/python.md', () => {
  const text = readFileSync(new URL('../../../docs/python.md', import.meta.url), 'utf8')
  /** Returns the cells of table rows that contain only code. */
  const rows = [...text.matchAll(/^\| `.*$/gm)].map(([row]) =>
    row.split(/(?<!\\)\|/).map((cell) => cell.trim()),
  )

  it('describes what happens', async () => {
    await using engine = await createEngine({
      scriptName: scriptFile(SCRIPT, 'handler.py'),
      isolation: 'inline',
      limits: { timeoutMs: 5_000 },
      logger: keepingLogger(),
    })
    assert.ok(rows.length > 30)
    for (const cells of rows) {
      // The result is in the column before the last one.
      const [code, expected] = [cells[1]!, cells.at(-3)!].map((cell) => cell.slice(1, -1))
      const { message, error } = await engine.exec('outcome', INVITE, { extraArgs: code! })
      assert.equal(error, null)
      assert.equal(message.getHeader('X-Outcome'), expected, code!)
    }
  })
})

describe('stubs for editors', () => {
  const read = (path: string) =>
    readFileSync(new URL(`../../../packages/engine/${path}`, import.meta.url), 'utf8')
  const names = (text: string, member: RegExp) => [...text.matchAll(member)].map(([, name]) => name!).sort()

  it('siplet.pyi has exactly the members of the contract', () => {
    const [contract] = /interface SIPMsg \{.*?^\}/ms.exec(read('src/script-contract.ts'))!
    assert.deepEqual(
      names(read('siplet.pyi'), /^ {4}def (\w+)/gm),
      names(contract, /^ {2}(?:readonly )?(\w+)(?=[(:])/gm),
    )
  })

  it('OpenSIPS.pyi has exactly the names of the module', () => {
    assert.deepEqual(
      names(read('OpenSIPS.pyi'), /^(?:def )?([A-Z]\w+)(?=[(:])/gm),
      names(read('src/isolate/inside/python/OpenSIPS.py'), /^([A-Z]\w+) = /gm),
    )
  })
})

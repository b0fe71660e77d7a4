/** The types of the contract match the members, and each member has a docstring for editors. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { runScript } from '@siplet/engine/testing'
import { handler, scriptFile } from '../../support/engine.ts'
import { INVITE } from '../../support/messages.ts'

const SOURCE = readFileSync(
  new URL('../../../packages/engine/src/script-contract.ts', import.meta.url),
  'utf8',
)

/** Returns name and docstring of each member. */
function members(pattern: RegExp): [name: string, doc: string | undefined][] {
  return [...SOURCE.matchAll(pattern)].map(([, doc, name]) => [name!, doc])
}

describe('@siplet/engine/script', () => {
  const contract = SOURCE.slice(SOURCE.indexOf('interface SIPMsg {'), SOURCE.indexOf('interface Handler'))
  const typed = [...contract.matchAll(/^ {2}(?:readonly )?(\w+)(?=[(:])/gm)].map(([, name]) => name!)

  it('has exactly the members that msg has in a script', async () => {
    const source = handler(`request_route(msg) {
      console.log(Reflect.ownKeys(Reflect.getPrototypeOf(msg)).filter((key) => typeof key === 'string').join())
      return 1
    }`)
    const { logs } = await runScript(scriptFile(source), INVITE)
    assert.deepEqual([...typed].sort(), logs[0]!.text.split(',').sort())
  })

  it('documents each of them, with the errors of those that throw', () => {
    const documented = new Map(members(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n {2}(?:readonly )?(\w+)(?=[(:])/g))
    for (const name of typed) assert.ok(documented.get(name), name)
    for (const name of ['Method', 'Status', 'RURI', 'rewrite_ruri', 'set_dst_uri', 'call_function']) {
      assert.match(documented.get(name)!, /@throws SIPMsgError ERR_SIPLET_/, name)
    }
  })

  it('declares exactly the globals that the isolate adds to those of the language', async () => {
    const declared = [...SOURCE.matchAll(/^ {2}(?:var|const|function) (\w+)/gm)].map(([, name]) => name!)
    const source = handler(`request_route() {
      console.log(Object.getOwnPropertyNames(globalThis).join())
      return 1
    }`)
    const { logs } = await runScript(scriptFile(source), INVITE)
    const own = new Set(Object.getOwnPropertyNames(globalThis))
    for (const name of ['console', ...declared.filter((name) => name !== 'console')]) {
      assert.ok(logs[0]!.text.split(',').includes(name), name)
    }
    // The loop check has a random name that no script can know (script/loop-checks.ts).
    const isOther = (name: string) => name === 'mod_init' || name.startsWith('__siplet_loop')
    const added = logs[0]!.text.split(',').filter((name) => !own.has(name) && !isOther(name))
    assert.deepEqual(added.sort(), declared.filter((name) => name !== 'console').sort())
  })
})

/** reload(): a new generation takes over completely or not at all. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { handler, ISOLATIONS, keepingLogger, scriptFile, withEngine } from '../../support/engine.ts'
import { INVITE, inviteOf } from '../../support/messages.ts'

/** A time limit of a busy machine must not decide here. */
const limits = { timeoutMs: 10_000 }
const version = (number: number) => handler(`version() { return ${number} }, rankOf() { return this.rank }`)

for (const isolation of ISOLATIONS) {
  describe(`reload, ${isolation}`, () => {
    it('the current script serves all ranks, and an event reports the reload', async () => {
      const scriptName = scriptFile(version(1))
      await withEngine('', { scriptName, isolation, children: 2, limits }, async (engine) => {
        const generations: number[] = []
        engine.on('reload', ({ generation }) => generations.push(generation))
        assert.equal((await engine.exec('version', INVITE)).code, 1)
        writeFileSync(scriptName, version(2))
        await engine.reload()
        assert.equal((await engine.exec('version', INVITE)).code, 2)
        assert.deepEqual(generations, [2])
        assert.deepEqual(engine.stats().reloads, { done: 1, failed: 0 })
        assert.deepEqual(
          engine.stats().children.map(({ rank }) => rank),
          [1, 2],
        )
      })
    })

    for (const [title, source, code] of [
      ['does not parse', 'function mod_init( {', 'ERR_SIPLET_SCRIPT_SYNTAX'],
      ['throws in mod_init', "function mod_init() { throw new Error('no') }", 'ERR_SIPLET_MOD_INIT'],
      [
        'is refused by child_init of one rank',
        'function mod_init() { return { child_init(rank) { return rank === 2 ? -1 : 0 } } }',
        'ERR_SIPLET_CHILD_INIT',
      ],
    ] as const) {
      it(`a script that ${title} rejects with ${code}; the old script stays in use`, async () => {
        const scriptName = scriptFile(version(1))
        await withEngine('', { scriptName, isolation, children: 2, limits }, async (engine) => {
          writeFileSync(scriptName, source)
          await assert.rejects(engine.reload(), { code })
          assert.equal((await engine.exec('version', INVITE)).code, 1)
          assert.deepEqual(engine.stats().reloads, { done: 0, failed: 1 })
          writeFileSync(scriptName, version(3))
          await engine.reload()
          assert.equal((await engine.exec('version', INVITE)).code, 3)
        })
      })
    }

    it('under load no exec is lost, and none is answered by an older generation than the one before it', async () => {
      const scriptName = scriptFile(version(1))
      await withEngine('', { scriptName, isolation, children: 2, limits }, async (engine) => {
        const reloads = 5
        let ended = false
        let answers = 0
        const call = async (callId: string) => {
          let last = 1
          while (!ended) {
            const { code, error } = await engine.exec('version', inviteOf(callId))
            assert.equal(error, null)
            assert.ok(code >= last, `${code} after ${last}`)
            last = code
            answers++
            if (isolation === 'inline') await new Promise(setImmediate)
          }
        }
        const calls = Array.from({ length: 16 }, (_, i) => call(`call-${i}`))
        for (let number = 2; number < 2 + reloads; number++) {
          writeFileSync(scriptName, version(number))
          await engine.reload()
        }
        ended = true
        await Promise.all(calls)
        assert.equal(engine.stats().execs, answers)
        assert.equal((await engine.exec('version', INVITE)).code, 1 + reloads)
      })
    }).timeout(30_000)
  })
}

describe('reload', () => {
  it('several reloads run one after the other; close waits for them, and none begins afterwards', async () => {
    await withEngine(version(1), { isolation: 'inline' }, async (engine) => {
      await Promise.all([engine.reload(), engine.reload(), engine.reload()])
      assert.equal(engine.stats().reloads.done, 3)
      const reloading = engine.reload()
      await new Promise(setImmediate)
      await engine.close()
      await reloading
      assert.equal(engine.stats().reloads.done, 4)
      await assert.rejects(engine.reload(), { code: 'ERR_SIPLET_CLOSED' })
    })
  })

  it('logs of the new init functions carry their rank', async () => {
    const logger = keepingLogger()
    const source = "function mod_init() { LM_WARN('init'); return { child_init() { return 0 } } }"
    await withEngine(source, { isolation: 'inline', children: 2, logger }, async (engine) => {
      await engine.reload()
      assert.deepEqual(
        logger.records.filter(({ message }) => message === 'init').map(({ fields }) => fields.rank),
        [1, 2, 1, 2],
      )
    })
  })
})

/** A debugger at an engine: `inspect` as users of the library see it. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { createEngine, type EngineOptions } from '@siplet/engine'
import { Debugger } from '../../support/debugger.ts'
import { handler, keepingLogger, scriptFile } from '../../support/engine.ts'
import { INVITE } from '../../support/messages.ts'

const OPTIONS = { isolation: 'inline', logger: keepingLogger() } as const

/** Returns an engine whose script was started by a debugger. */
async function inspected(source: string, options: Partial<EngineOptions> = {}) {
  const scriptName = options.scriptName ?? scriptFile(source)
  const connected = Promise.withResolvers<Debugger>()
  let url = ''
  const onListening = async (webSocketUrl: string) => {
    url = webSocketUrl
    const client = await Debugger.connect(webSocketUrl)
    await client.run()
    await client.pause()
    await client.resume()
    connected.resolve(client)
  }
  const engine = await createEngine({ ...OPTIONS, ...options, scriptName, inspect: { port: 0, onListening } })
  return { engine, client: await connected.promise, url, scriptName }
}

describe('inspect', function () {
  this.timeout(20_000)

  it('functions of the embedder are called and may be asynchronous; pauses do not count as time', async () => {
    const source = handler("request_route(msg) { debugger; return msg.call_function('double', 21) }")
    const { engine, client } = await inspected(source, {
      limits: { timeoutMs: 5 },
      functions: { double: async (_msg, value: number) => 2 * value },
    })
    const answer = engine.exec('request_route', INVITE)
    const { frames } = await client.pause()
    assert.equal(frames[0]!.name, 'request_route')
    await new Promise((resolve) => setTimeout(resolve, 50))
    await client.resume()
    const { code, error } = await answer
    assert.deepEqual([code, error], [42, null])
    await engine.close()
  })

  it('only child 1 has a debugger; the others have their limits', async () => {
    const source = handler('request_route() { if (this.rank === 1) debugger; else for (;;); return 1 }')
    const { engine, client } = await inspected(source, {
      children: 2,
      affinity: 'none',
      limits: { timeoutMs: 20 },
    })
    const answers = Promise.all([engine.exec('request_route', INVITE), engine.exec('request_route', INVITE)])
    await client.pause()
    await client.resume()
    const codes = (await answers).map(({ child, error }) => [child, error?.code])
    assert.deepEqual(codes.sort(), [
      [1, undefined],
      [2, 'ERR_SIPLET_TIMEOUT'],
    ])
    await engine.close()
  })

  it('after a reload, the old script continues to its end, and a new connection reaches the new one', async () => {
    const { engine, client, url, scriptName } = await inspected(
      handler('request_route() { debugger; return 1 }'),
    )
    const answer = engine.exec('request_route', INVITE)
    await client.pause()
    writeFileSync(scriptName, readFileSync(scriptName, 'utf8').replace('return 1', 'return 2'))
    await engine.reload()
    await client.closed
    assert.equal((await answer).code, 1)

    const anew = await Debugger.connect(url)
    const next = engine.exec('request_route', INVITE)
    await anew.pause()
    await anew.resume()
    assert.equal((await next).code, 2)
    await engine.close()
  })

  for (const [title, source, code] of [
    ['the top level throws', 'throw new Error("no")', 'ERR_SIPLET_SCRIPT_LOAD'],
    ['mod_init is missing', '1', 'ERR_SIPLET_MOD_INIT'],
    [
      'child_init refuses',
      'function mod_init() { return { child_init: () => -1 } }',
      'ERR_SIPLET_CHILD_INIT',
    ],
  ] as const) {
    it(`fails the start if ${title}, and releases everything`, async () => {
      let client: Debugger | undefined
      const scriptName = scriptFile(source)
      const onListening = async (url: string) => {
        client = await Debugger.connect(url)
        await client.run()
        await client.pause()
        await client.resume()
      }
      await assert.rejects(createEngine({ ...OPTIONS, scriptName, inspect: { port: 0, onListening } }), {
        code,
      })
      await client!.closed
    })
  }

  it('works in isolation inline only, without execSync', async () => {
    const scriptName = scriptFile(handler('request_route() { return 1 }'))
    await assert.rejects(createEngine({ scriptName, inspect: {} }), {
      code: 'ERR_SIPLET_CONFIG',
      message: "bad engine options: inspect: needs isolation: 'inline'",
    })
    const { engine } = await inspected('', { scriptName })
    assert.throws(() => engine.execSync('request_route', INVITE), { code: 'ERR_SIPLET_SYNC' })
    await engine.close()
  })
})

/** What engines leave behind when they are closed: file descriptors and processes. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createEngine } from '@siplet/engine'
import { build } from 'esbuild'
import { handler, ISOLATIONS, keepingLogger, scriptFile, withEngine } from '../../support/engine.ts'
import { INVITE } from '../../support/messages.ts'
import { until } from '../../support/processes.ts'

const SCRIPT = handler('rankOf() { return this.rank }')
const ENGINES = 10

/** What the descriptors of this process stand for. */
function open(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)]
    } catch {
      // The one that listed the others.
      return []
    }
  })
}

function childProcesses(): string {
  return readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1').trim()
}

describe('a closed engine', () => {
  for (const isolation of ISOLATIONS) {
    it(`${isolation}: leaves no file descriptor and no process behind, ten times`, async () => {
      // The first one may open what Node keeps, such as a thread's event loop.
      await withEngine(SCRIPT, { isolation }, (engine) => engine.exec('rankOf', INVITE))
      await until(() => childProcesses() === '', 'no process is left')
      const before = open().length
      for (let i = 0; i < ENGINES; i++) {
        await withEngine(SCRIPT, { isolation, children: 2 }, async (engine) => {
          assert.ok((await engine.exec('rankOf', INVITE)).code > 0)
          await engine.reload()
        })
      }
      await until(() => open().length <= before && childProcesses() === '', 'all is closed')
    }).timeout(60_000)

    it(`${isolation}: neither does one that did not start`, async () => {
      const scriptName = scriptFile('function mod_init() { throw new Error("no") }')
      await until(() => childProcesses() === '', 'no process is left')
      const before = open().length
      for (let i = 0; i < 3; i++) {
        await assert.rejects(createEngine({ scriptName, isolation, logger: keepingLogger() }), /no/)
      }
      await until(() => open().length <= before && childProcesses() === '', 'all is closed')
    }).timeout(60_000)
  }

  it('leaves builds of the embedder with esbuild alone', async () => {
    let engineClosed = () => {}
    const closed = new Promise<void>((resolve) => {
      engineClosed = resolve
    })
    const plugin = {
      name: 'waits',
      setup: ({ onLoad }: import('esbuild').PluginBuild) =>
        onLoad({ filter: /.*/ }, async () => {
          await closed
          return { contents: '1' }
        }),
    }
    const built = build({ entryPoints: [scriptFile('0')], write: false, bundle: true, plugins: [plugin] })
    await withEngine(SCRIPT, {}, (engine) => engine.exec('rankOf', INVITE))
    engineClosed()
    assert.equal((await built).outputFiles.length, 1)
    const { stop } = await import('esbuild')
    await stop()
  }).timeout(60_000)
})

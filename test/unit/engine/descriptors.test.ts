/** Closed engines leave no file descriptors and no processes. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createEngine } from '@siplet/engine'
import { build, stop as stopEsbuild } from 'esbuild'
import { handler, ISOLATIONS, keepingLogger, scriptFile, withEngine } from '../../support/engine.ts'
import { INVITE } from '../../support/messages.ts'
import { until } from '../../support/processes.ts'

const SCRIPT = handler('rankOf() { return this.rank }')
const ENGINES = 10

/** Returns the targets of this process's descriptors. */
function open(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)]
    } catch {
      // The descriptor with which the others were listed.
      return []
    }
  })
}

/**
 * Returns the pids of child processes. Linux lists them by the thread that started them, and engines start theirs in
 * this thread.
 */
function childProcesses(): Set<string> {
  return new Set(readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1').match(/\d+/g))
}

/**
 * Returns a function that says whether no descriptor and no process was added since. Other test files may have left an
 * esbuild process: a stopped one does not end during the test.
 */
async function state(): Promise<() => boolean> {
  await stopEsbuild()
  const processes = childProcesses()
  const descriptors = open().length
  return () => open().length <= descriptors && [...childProcesses()].every((pid) => processes.has(pid))
}

describe('a closed engine', () => {
  for (const isolation of ISOLATIONS) {
    it(`${isolation}: leaves no file descriptor and no process, ten times`, async () => {
      // The first engine may open resources that Node keeps, such as a thread's event loop.
      await withEngine(SCRIPT, { isolation }, (engine) => engine.exec('rankOf', INVITE))
      const isAsBefore = await state()
      for (let i = 0; i < ENGINES; i++) {
        await withEngine(SCRIPT, { isolation, children: 2 }, async (engine) => {
          assert.ok((await engine.exec('rankOf', INVITE)).code > 0)
          await engine.reload()
        })
      }
      await until(isAsBefore, 'all is closed')
    }).timeout(60_000)

    it(`${isolation}: leaves none if the engine did not start`, async () => {
      const scriptName = scriptFile('function mod_init() { throw new Error("no") }')
      const isAsBefore = await state()
      for (let i = 0; i < 3; i++) {
        await assert.rejects(createEngine({ scriptName, isolation, logger: keepingLogger() }), /no/)
      }
      await until(isAsBefore, 'all is closed')
    }).timeout(60_000)
  }

  it('does not disturb esbuild builds of the embedder', async () => {
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
    await stopEsbuild()
  }).timeout(60_000)
})

/** Isolation `thread` abandons threads in which a script runs where V8 does not check for interrupts. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const HOST = fileURLToPath(new URL('../../support/stuck-host.ts', import.meta.url))

/** Runs execs in a separate process. Returns its output lines and its exit code. */
function run(timeoutMs: number, methods: readonly string[]): Promise<{ lines: string[]; exitCode: number }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [HOST, String(timeoutMs), ...methods], (error, stdout, stderr) => {
      assert.equal(stderr, '')
      resolve({ lines: stdout.trim().split('\n'), exitCode: Number(error?.code ?? 0) })
    })
  })
}

describe('a thread that V8 does not interrupt', () => {
  it('fails its exec; the child continues in another thread, and the process ends with its exit code', async () => {
    const { lines, exitCode } = await run(100, ['ok', 'search', 'ok'])
    assert.equal(lines[0], '7 7')
    assert.match(
      lines[1]!,
      /^ERR_SIPLET_CHILD_LOST child \d ended while search\(\) ran \(child \d did not stop at limits\.timeoutMs \(100 ms\)\); the child was rebuilt 7$/,
    )
    assert.equal(lines[2], '7 7')
    assert.deepEqual(lines.slice(3), ['first', 'last'])
    assert.equal(exitCode, 3)
  }).timeout(60_000)

  it('is one of at most four: a child that would need a fifth thread refuses execs', async () => {
    const { lines, exitCode } = await run(10, ['search', 'search', 'search', 'search', 'search'])
    const codes = lines.map((line) => line.split(' ')[0])
    assert.deepEqual(codes.slice(0, 4), Array(4).fill('ERR_SIPLET_CHILD_LOST'))
    const refused = lines.filter((line) => line.includes('ERR_SIPLET_CHILD_INIT'))
    assert.ok(refused.length > 0, lines.join('\n'))
    assert.match(lines.join('\n'), /4 threads of this process run code of scripts that V8 does not interrupt/)
    assert.equal(exitCode, 3)
  }).timeout(120_000)

  it('is not one that waits for a function of the embedder', async () => {
    const { lines, exitCode } = await run(100, ['waits'])
    assert.deepEqual(lines, ['8 7', 'first', 'last'])
    assert.equal(exitCode, 3)
  }).timeout(60_000)
})

/** Wrapper commands that start another process instead of becoming it: each exec is answered, and close() ends. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { handler, withEngine } from '../../support/engine.ts'
import { INVITE, inviteOf } from '../../support/messages.ts'
import { isAlive, until } from '../../support/processes.ts'

/** V8 does not interrupt this. */
const STUCK = 'Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1)'
const SCRIPT = handler(`
  stuck() { ${STUCK}; return 1 },
  route() { return 1 }`)

/** Commands that wait for the process they start, in the same process group or in a session of its own. */
const FORKS: readonly (readonly string[])[] = [
  ['/bin/sh', '-c', '"$@"; exit $?', 'sh'],
  ['/usr/bin/unshare', '--fork'],
  ['/usr/bin/unshare', '--fork', '--pid', '--kill-child'],
  ['/usr/bin/setsid', '--wait'],
]

describe('a wrapper of the pool process that starts another process', () => {
  for (const wrapper of FORKS) {
    it(`${wrapper.join(' ')}: a script that V8 does not interrupt costs its exec, and leaves nothing`, async function () {
      const { error: missing, status } = spawnSync(wrapper[0]!, [...wrapper.slice(1), '/bin/true'])
      if (missing !== undefined || status !== 0) {
        console.log(`      ${wrapper[0]} cannot be used here`)
        this.skip()
      }
      await withEngine(SCRIPT, behind(wrapper), async (engine) => {
        const pids: number[] = []
        const note = () => pids.push(...family(engine.stats().children[0]!.pid!))
        assert.equal((await engine.exec('route', INVITE)).code, 1)
        note()
        assert.equal(pids.length, 2)
        const [stuck, next] = await Promise.all([
          engine.exec('stuck', INVITE),
          engine.exec('route', inviteOf('other')),
        ])
        assert.equal(stuck!.error?.code, 'ERR_SIPLET_CHILD_LOST')
        assert.equal(next!.error ?? next!.code, 1)
        note()
        await engine.close()
        await until(() => !pids.some(isAlive), 'all processes are gone')
      })
    }).timeout(60_000)
  }

  it('that leaves a process of another session with the pipes: close() ends, and a lost exec is answered', async () => {
    const file = join(tmpdir(), `left-behind-${process.pid}`)
    const script = `setsid sleep 600 & echo $! >> ${file}; exec "$@"`
    try {
      await withEngine(SCRIPT, behind(['/bin/sh', '-c', script, 'sh']), async (engine) => {
        assert.equal((await engine.exec('stuck', INVITE)).error?.code, 'ERR_SIPLET_CHILD_LOST')
        assert.equal((await engine.exec('route', INVITE)).code, 1)
        await engine.close()
      })
      const left = readFileSync(file, 'utf8').trim().split('\n').map(Number)
      assert.ok(left.every(isAlive), 'the pipes were held all the time')
      for (const pid of left) process.kill(pid, 'SIGKILL')
    } finally {
      unlinkSync(file)
    }
  }).timeout(60_000)
})

function behind(wrapper: readonly string[]) {
  return { isolation: 'process' as const, process: { wrapper: [...wrapper] }, limits: { timeoutMs: 50 } }
}

/** Returns a process and the processes that it started. */
function family(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim()
  return [pid, ...(children === '' ? [] : children.split(' ').map(Number))]
}

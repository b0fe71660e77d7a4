/** When a pool process that says nothing is ended, and when the machine is to blame. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { scheduling } from '../../../packages/engine/src/children/proc.ts'
import { type Scheduling, Silence } from '../../../packages/engine/src/children/silence.ts'

/** How many looks it takes until somebody counts as silent; at most 1,000. */
function looksUntilSilent(scheduling: (look: number) => Scheduling | undefined): number {
  const silence = new Silence<string>()
  for (let look = 1; look <= 1_000; look++) {
    if (silence.look(scheduling(look), ['process']) === 'process') return look
  }
  return Number.POSITIVE_INFINITY
}

describe('a silent pool process', () => {
  it('counts as silent after five looks if the system does not tell why', () => {
    assert.equal(
      looksUntilSilent(() => undefined),
      5,
    )
  })

  it('counts as silent after five looks if it is stopped or blocked', () => {
    assert.equal(
      looksUntilSilent(() => ({ cpuMs: 100, waits: false })),
      5,
    )
  })

  it('counts as silent after five looks if it uses the CPU and still says nothing', () => {
    assert.equal(
      looksUntilSilent((look) => ({ cpuMs: 400 * look, waits: true })),
      5,
    )
  })

  it('is given time while it waits for a CPU, but not for ever', () => {
    assert.equal(
      looksUntilSilent((look) => ({ cpuMs: look, waits: true })),
      60 + 5,
    )
  })

  it('starts from zero as soon as it is heard', () => {
    const silence = new Silence<string>()
    for (let round = 0; round < 10; round++) {
      for (let look = 0; look < 4; look++) assert.equal(silence.look(undefined, ['process']), undefined)
      assert.equal(silence.look(undefined, []), undefined)
    }
  })

  it('is told from a child that it says nothing of', () => {
    const silence = new Silence<number>()
    for (let look = 0; look < 4; look++) assert.equal(silence.look(undefined, [2]), undefined)
    assert.equal(silence.look(undefined, [1, 2]), 2)
  })
})

describe('what the system tells of a process', () => {
  before(function () {
    if (scheduling(process.pid) !== undefined) return
    console.log('      SKIPPED: the system has no /proc')
    this.skip()
  })

  it('tells one that works from one that is stopped, and from one that has ended', async () => {
    const child = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' })
    const pid = child.pid!
    try {
      const worked = () => scheduling(pid)!.cpuMs
      for (const before = worked(); worked() < before + 200; ) await sleep(10)
      assert.equal(scheduling(pid)!.waits, true)
      child.kill('SIGSTOP')
      while (scheduling(pid)!.waits) await sleep(10)
      const stopped = worked()
      await sleep(100)
      assert.equal(worked(), stopped)
    } finally {
      child.kill('SIGKILL')
    }
    while (scheduling(pid) !== undefined) await sleep(10)
  }).timeout(60_000)
})

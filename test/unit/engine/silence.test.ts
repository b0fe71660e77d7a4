/** When a silent pool process is ended, and when the machine is to blame. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { scheduling } from '../../../packages/engine/src/children/proc.ts'
import { type Scheduling, Silence } from '../../../packages/engine/src/children/silence.ts'

/** The system's report on a process with one thread. */
const alone = (cpuMs: number, ready: boolean): Scheduling => ({
  all: { cpuMs, ready },
  main: { cpuMs, ready },
})

/** Returns the number of looks until the process counts as silent; at most 1,000. */
function looksUntilSilent(scheduling: (look: number) => Scheduling | undefined): number {
  const silence = new Silence()
  for (let look = 1; look <= 1_000; look++) {
    if (silence.look(false, [1], scheduling(look)) === 'process') return look
  }
  return Number.POSITIVE_INFINITY
}

describe('a pool process that says nothing', () => {
  it('counts as silent after five looks if the system does not tell why', () => {
    assert.equal(
      looksUntilSilent(() => undefined),
      5,
    )
  })

  it('counts as silent after five looks if it is stopped or blocked', () => {
    assert.equal(
      looksUntilSilent(() => alone(100, false)),
      5,
    )
  })

  it('counts as silent five looks after a second of CPU time, if it uses all the CPU time it gets', () => {
    assert.equal(
      looksUntilSilent((look) => alone(500 * look, true)),
      2 + 5,
    )
  })

  it('counts as silent after five looks if only other threads use the CPU', () => {
    assert.equal(
      looksUntilSilent((look) => ({
        all: { cpuMs: 500 * look, ready: true },
        main: { cpuMs: 7, ready: false },
      })),
      5,
    )
  })

  it('is given time while it waits for a CPU, but not for ever', () => {
    assert.equal(
      looksUntilSilent((look) => alone(look, true)),
      60 + 5,
    )
  })

  it('is given time to load its code while it gets a tenth of a CPU', () => {
    assert.ok(looksUntilSilent((look) => alone(50 * look, true)) > 20)
  })

  it('starts from zero as soon as it is heard', () => {
    const silence = new Silence()
    for (let round = 0; round < 10; round++) {
      for (let look = 0; look < 4; look++) assert.equal(silence.look(false, [1], undefined), undefined)
      assert.equal(silence.look(true, [], undefined), undefined)
    }
  })
})

describe('a pool process that says nothing of one child', () => {
  it('is found at looks at which the process spoke of other children', () => {
    const silence = new Silence()
    for (let look = 0; look < 4; look++) {
      assert.equal(silence.look(true, [2], undefined), undefined)
      assert.equal(silence.look(false, [1, 2], undefined), undefined)
    }
    assert.equal(silence.look(true, [1, 2], undefined), 2)
  })

  it('is given time while it waits for a CPU', () => {
    const silence = new Silence()
    for (let look = 0; look < 50; look++) assert.equal(silence.look(true, [2], alone(look, true)), undefined)
  })

  it('starts from zero as soon as the process speaks of that child', () => {
    const silence = new Silence()
    for (let round = 0; round < 10; round++) {
      for (let look = 0; look < 4; look++) assert.equal(silence.look(true, [2], undefined), undefined)
      assert.equal(silence.look(true, [], undefined), undefined)
    }
  })
})

describe('the report of the system on a process', () => {
  before(function () {
    if (scheduling(process.pid) !== undefined) return
    console.log('      SKIPPED: the system has no /proc')
    this.skip()
  })

  it('distinguishes a working process from a stopped one and from an ended one', async () => {
    const child = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' })
    const pid = child.pid!
    try {
      const worked = () => scheduling(pid)!.main.cpuMs
      for (const before = worked(); worked() < before + 200; ) await sleep(10)
      assert.equal(scheduling(pid)!.main.ready, true)
      child.kill('SIGSTOP')
      while (scheduling(pid)!.all.ready) await sleep(10)
      const stopped = worked()
      await sleep(100)
      assert.equal(worked(), stopped)
    } finally {
      child.kill('SIGKILL')
    }
    while (scheduling(pid) !== undefined) await sleep(10)
  }).timeout(60_000)
})

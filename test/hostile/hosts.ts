/** Processes that run attacks, so that a host that dies, hangs or grows is a result, not the end of the test. */
import { type ChildProcess, fork } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Language } from './attack.ts'
import type { Isolation, Seen } from './attack-run.ts'

/** Attacks of one kind and language that one host runs together. */
export interface Task {
  /** Index in CORPUS. */
  kind: number
  language: Language
  isolation: Isolation
  group: 'attacks' | 'starts'
  /** Indexes in the list of the kind. */
  places: readonly number[]
}

/** Messages of a host: at the end its results; before that, the current attack, if the host knows it. */
export type Answer = { seen: Seen[] } | { suspect: number }

const HOST = fileURLToPath(new URL('host.ts', import.meta.url))
/**
 * Upper bound on the memory of the host and the processes it started, in MiB. Beyond it, an attack has escaped its
 * memory limit.
 */
const MAX_RESIDENT_MIB = 1_024
const LOOK_MS = 250

/** Runs tasks one after another in a process. The process is started again after each task that ended it. */
export class Host {
  /** A host that is silent for this time counts as hanging, in milliseconds. */
  readonly #patienceMs: number
  #process: ChildProcess | undefined

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs
  }

  /**
   * Returns the result of each attack. An attack that ended the host is run again alone, unless it was alone already.
   */
  async run(task: Task): Promise<Seen[]> {
    const answer = await this.#ask(task)
    if (Array.isArray(answer)) return answer
    if (task.places.length === 1) return [answer]
    const seen: Seen[] = []
    for (const place of task.places) seen.push(...(await this.run({ ...task, places: [place] })))
    return seen
  }

  close(): void {
    this.#process?.kill('SIGKILL')
    this.#process = undefined
  }

  #ask(task: Task): Promise<Seen[] | Seen> {
    this.#process ??= fork(HOST, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    const host = this.#process
    return new Promise((resolve) => {
      let stderr = ''
      const settle = (answer: Seen[] | Seen) => {
        clearTimeout(watchdog)
        clearInterval(watch)
        host.removeAllListeners()
        host.stderr!.removeAllListeners()
        if (!Array.isArray(answer)) this.close()
        resolve(answer)
      }
      const broken = (outcome: string, detail: string) =>
        settle({ held: false, outcome, problem: `${outcome}: ${detail}` })
      const watchdog = setTimeout(
        () => broken('host waits', `no answer for ${this.#patienceMs} ms`),
        this.#patienceMs,
      )
      const watch = setInterval(() => {
        const mib = residentMib(host.pid!)
        if (mib > MAX_RESIDENT_MIB) broken('host grows', `${Math.round(mib)} MiB resident`)
      }, LOOK_MS)
      host.stderr!.on('data', (chunk) => {
        stderr = `${stderr}${chunk}`.slice(-4_096)
      })
      host.on('message', (answer: Answer) => {
        if ('seen' in answer) settle(answer.seen)
        else watchdog.refresh()
      })
      host.on('exit', (code, signal) => {
        const [why = ''] = /FATAL ERROR.*|.*Error.*/.exec(stderr) ?? []
        broken('host dies', `${signal ?? `exit ${code}`} ${why}`)
      })
      host.send(task)
    })
  }
}

/** Returns the resident memory of a process and the processes it started, in MiB; 0 if /proc does not say. */
function residentMib(pid: number): number {
  try {
    const own = /^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0
    const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean),
    )
    return Number(own) / 1_024 + children.reduce((sum, child) => sum + residentMib(Number(child)), 0)
  } catch {
    return 0
  }
}

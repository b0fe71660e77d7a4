/** Processes that run attacks, so that a host that dies, stands still or grows is an answer, not the end of the test. */
import { type ChildProcess, fork } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Language } from './attack.ts'
import type { Isolation, Seen } from './attack-run.ts'

/** Attacks of one kind and language that one host runs in one go. */
export interface Task {
  /** Place in CORPUS. */
  kind: number
  language: Language
  isolation: Isolation
  group: 'attacks' | 'starts'
  /** Places in the list of the kind. */
  places: readonly number[]
}

/** What a host says: at last what it saw; before that, which attack it is at, where it knows. */
export type Answer = { seen: Seen[] } | { suspect: number }

const HOST = fileURLToPath(new URL('host.ts', import.meta.url))
/** Beyond this, the memory of an attack has escaped its limit: MiB, of the host and the processes it started. */
const MAX_RESIDENT_MIB = 1_024
const LOOK_MS = 250

/** Runs tasks one after another in a process, which is started again after each task that ended it. */
export class Host {
  /** Silence for so long means that the host stands still: milliseconds. */
  readonly #patienceMs: number
  #process: ChildProcess | undefined

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs
  }

  /** What each attack came to. One that ended the host is run alone if it is not the only one. */
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

/** Resident memory of a process and of those it started: MiB; 0 where /proc does not tell. */
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

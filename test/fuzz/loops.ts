/**
 * Searches for loops that V8 does not interrupt: random small programs over builtins, most of them endless, each run in
 * an isolate with limits. A program that is not stopped in time, or that ends the process, is made as small as possible
 * and printed.
 *
 *     node test/fuzz/loops.ts --runs 10000 --seed 1 [--isolation thread] [--language python] [--minutes 30]
 */
import { type ChildProcess, fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createEngine, type Engine, type EngineOptions, SipletError } from '@siplet/engine'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { keepingLogger, scriptFile } from '../support/engine.ts'
import { type LoopLanguage, type Program, programOf, sourceOf, withoutOnePart } from './loop-programs.ts'

const LIMITS = { timeoutMs: 250, memoryMb: 32 }
/** Longest time until a program is answered, in milliseconds: eight times its limit. */
const LATE_MS = 2_000
/** The same for the second run of a finding, because the machine may be busy. */
const SURE_MS = 10_000
const MAX_RESIDENT_MIB = 1_024
const MESSAGE = 'INVITE sip:bob@example.net SIP/2.0\r\nCall-ID: loop@example.org\r\nCSeq: 1 INVITE\r\n\r\n'

type Isolation = NonNullable<EngineOptions['isolation']>

/** The outcome of a program: `ended` with a code, or how it got away. */
export type LoopOutcome =
  | { ended: true; code: string }
  | { ended: false; how: 'late' | 'died' | 'grew'; detail: string }

interface LoopTask {
  source: string
  language: LoopLanguage
  isolation: Isolation
}

/** A process that runs programs one after another. It is started again after each program that got away. */
export class LoopRunner {
  readonly #isolation: Isolation
  readonly #language: LoopLanguage
  #process: ChildProcess | undefined

  constructor(isolation: Isolation, language: LoopLanguage) {
    this.#isolation = isolation
    this.#language = language
  }

  run(source: string, lateMs = LATE_MS): Promise<LoopOutcome> {
    const started = this.#process !== undefined
    this.#process ??= fork(fileURLToPath(import.meta.url), ['--runner'], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    const runner = this.#process
    const task: LoopTask = { source, language: this.#language, isolation: this.#isolation }
    return new Promise((resolve) => {
      let stderr = ''
      let watchdog: NodeJS.Timeout | undefined
      const settle = (outcome: LoopOutcome) => {
        clearTimeout(watchdog)
        clearInterval(watch)
        runner.removeAllListeners()
        runner.stderr!.removeAllListeners()
        if (!outcome.ended) this.close()
        resolve(outcome)
      }
      const arm = (ms: number) => {
        clearTimeout(watchdog)
        watchdog = setTimeout(() => settle({ ended: false, how: 'late', detail: `after ${ms} ms` }), ms)
      }
      const watch = setInterval(() => {
        const mib = residentMib(runner.pid!)
        if (mib > MAX_RESIDENT_MIB) settle({ ended: false, how: 'grew', detail: `${Math.round(mib)} MiB` })
      }, 100)
      runner.stderr!.on('data', (chunk) => {
        stderr = `${stderr}${chunk}`.slice(-4_096)
      })
      runner.on('message', (answer: { running: true } | { code: string }) => {
        // The time of the program counts from when its engine is ready.
        if ('running' in answer) arm(lateMs)
        else settle({ ended: true, code: answer.code })
      })
      runner.on('exit', (code, signal) =>
        settle({
          ended: false,
          how: 'died',
          detail: `${signal ?? `exit ${code}`} ${/FATAL ERROR.*|Fatal.*/.exec(stderr)?.[0] ?? ''}`,
        }),
      )
      arm(started ? 30_000 : 60_000)
      runner.send(task)
    })
  }

  close(): void {
    this.#process?.kill('SIGKILL')
    this.#process = undefined
  }
}

function residentMib(pid: number): number {
  try {
    return Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024
  } catch {
    return 0
  }
}

/** Returns the same finding with as few parts as possible. */
async function minimal(runner: LoopRunner, program: Program): Promise<Program> {
  for (const smaller of withoutOnePart(program)) {
    const outcome = await runner.run(sourceOf(smaller))
    if (!outcome.ended) return await minimal(runner, smaller)
  }
  return program
}

/** A program that was not stopped. */
export interface Finding {
  run: number
  how: string
  source: string
}

/**
 * @param report called for each finding
 * @returns how the programs ended, by code
 */
export async function runLoops(
  options: {
    runs: number
    seed: number
    isolation: Isolation
    language: LoopLanguage
    /** Time of Date.now() after which no further program is run. */
    until?: number
    /**
     * A program that is not stopped after this many milliseconds is tried once more, with {@link SURE_MS} or this
     * value.
     */
    lateMs?: number
  },
  report: (finding: Finding) => void,
): Promise<Map<string, number>> {
  const { runs, seed, isolation, language, until = Number.POSITIVE_INFINITY, lateMs = LATE_MS } = options
  const runner = new LoopRunner(isolation, language)
  const counts = new Map<string, number>()
  for (let run = 0; run < runs && Date.now() < until; run++) {
    const program = programOf(xoroshiro128plus(seed * 1_000_003 + run), language)
    let outcome = await runner.run(sourceOf(program), lateMs)
    if (!outcome.ended && outcome.how === 'late')
      outcome = await runner.run(sourceOf(program), Math.max(lateMs, SURE_MS))
    const code = outcome.ended ? outcome.code : outcome.how
    counts.set(code, (counts.get(code) ?? 0) + 1)
    if (outcome.ended) continue
    const source = sourceOf(await minimal(runner, program))
    report({ run, how: `${outcome.how}, ${outcome.detail}`, source })
  }
  runner.close()
  return counts
}

/** The side that runs in the process: one engine at a time, with answers by message. */
function serve(): void {
  let engine: Engine | undefined
  process.on('message', async ({ source, language, isolation }: LoopTask) => {
    try {
      const scriptName = scriptFile(source, language === 'python' ? 'loop.py' : 'loop.js')
      engine = await createEngine({ scriptName, isolation, limits: LIMITS, logger: keepingLogger() })
      // The runner must know before the thread is busy; `send` of a channel writes at once.
      await new Promise((resolve) => process.send!({ running: true }, undefined, undefined, resolve))
      const { error, code } = await engine.exec('attack', MESSAGE)
      await engine.close()
      process.send!({ code: error?.code ?? `code ${Math.sign(code)}` })
    } catch (error) {
      process.send!({ code: error instanceof SipletError ? error.code : `harness: ${error}` })
    }
  })
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
      isolation: { type: 'string', default: 'inline' },
      language: { type: 'string', default: 'javascript' },
      minutes: { type: 'string', default: '600' },
    },
  })
  const start = Date.now()
  let findings = 0
  const counts = await runLoops(
    {
      runs: Number(values.runs),
      seed: Number(values.seed),
      isolation: values.isolation as Isolation,
      language: values.language as LoopLanguage,
      until: start + 60_000 * Number(values.minutes),
    },
    ({ run, how, source }) => {
      findings++
      console.log(`run ${run}: ${how}\n${source}\n`)
    },
  )
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  console.log(`${total} programs in ${Math.round((Date.now() - start) / 1_000)} s, ${findings} not ended`)
  for (const [code, count] of [...counts].sort(([, a], [, b]) => b - a)) console.log(`${count}  ${code}`)
}

if (import.meta.main) {
  if (process.argv.includes('--runner')) serve()
  else await main()
}

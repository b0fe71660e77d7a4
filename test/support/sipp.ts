/** Runs SIPp (Debian's sip-tester) as a process: real traffic from an independent implementation. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Why SIPp cannot be used here, or null if it can be used. */
export const SIPP_MISSING =
  spawnSync('sipp', ['-v']).error === undefined ? null : 'sipp is not installed (Debian: sip-tester)'

export interface SippResult {
  exitCode: number | null
  successful: number
  failed: number
  retransmissions: number
  /** Calls per second, over the whole run. */
  rate: number
  /** Error log of SIPp about unexpected SIP messages. */
  errors: string
}

/** Starts SIPp. If it is a server, it listens when the promise resolves. */
export class Sipp implements AsyncDisposable {
  readonly child: ChildProcess
  readonly #folder: string
  readonly #exit: Promise<number | null>

  /** @param args arguments without those for statistics; -bg is not allowed */
  constructor(args: readonly string[]) {
    this.#folder = mkdtempSync(join(tmpdir(), 'siplet-sipp-'))
    const stat = ['-trace_stat', '-stf', join(this.#folder, 'stat.csv'), '-fd', '1']
    const err = ['-trace_err', '-error_file', join(this.#folder, 'errors.log')]
    // Datagrams wait in this buffer while the machine is busy. SIPp's default of 64 KiB is a third of the system's
    // default.
    const buffer = ['-buff_size', '1048576']
    this.child = spawn('sipp', [...args, '-nostdin', '-skip_rlimit', ...buffer, ...stat, ...err], {
      stdio: 'ignore',
      cwd: this.#folder,
      env: { ...process.env, TERM: 'dumb' },
    })
    this.#exit = once(this.child, 'exit').then(([code]) => code)
  }

  /** Returns the result after SIPp has ended by itself. */
  async result(): Promise<SippResult> {
    const exitCode = await this.#exit
    const last = (name: string) => Number(this.#statistics()[name] ?? Number.NaN)
    return {
      exitCode,
      successful: last('SuccessfulCall(C)'),
      failed: last('FailedCall(C)'),
      retransmissions: last('Retransmissions(C)'),
      rate: last('CallRate(C)'),
      errors: this.#read('errors.log'),
    }
  }

  /** Error log so far about unexpected SIP messages. */
  get errors(): string {
    return this.#read('errors.log')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGKILL')
      await this.#exit
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** Returns the last line of the statistics, by column. */
  #statistics(): Record<string, string> {
    const lines = this.#read('stat.csv').trim().split('\n')
    const names = lines[0]!.split(';')
    const values = lines.at(-1)!.split(';')
    return Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']))
  }

  #read(name: string): string {
    try {
      return readFileSync(join(this.#folder, name), 'utf8')
    } catch {
      return ''
    }
  }
}

/** Runs SIPp until it ends. */
export async function sipp(args: readonly string[]): Promise<SippResult> {
  await using running = new Sipp(args)
  return await running.result()
}

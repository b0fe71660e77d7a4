/**
 * The process that isolation `process` keeps its worker threads in, seen from the engine: started when it is needed,
 * started again when it ended, ended when it no longer says anything. What the ranks do is in process.ts.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { V8_FLAGS } from '../isolate/host/v8-flags.ts'
import { encodeFrame, FROM_PROCESS, type Frame, type FrameKind, FrameReader } from '../wire/frame.ts'
import { Malformed } from '../wire/malformed.ts'
import type { PoolCode } from './pool-code.ts'
import { ENTRY, permissionOptions } from './pool-permissions.ts'
import { makeExpendable, residentBytes, scheduling } from './proc.ts'
import { LOOK_MS, Silence } from './silence.ts'
import { Turns } from './turns.ts'

/** What it wrote to stderr last is kept: V8's own words on why it gave up. */
const MAX_STDERR = 4_096
/** More than this, and the process is ended: an honest one writes its last words and nothing else. Characters. */
const MAX_STDERR_TOTAL = 2 ** 20
/**
 * A process that ended, or was sent SIGKILL, is given up after two waits of this length: milliseconds. A descendant
 * that a wrapper started may hold its pipes open, and a process of another user takes no signal of ours. Two waits,
 * since one may pass while this thread is busy; between the two, what the process wrote is read.
 */
const GIVE_UP_MS = 500
/** How often the host looks at the memory of a busy process. */
const MEMORY_LOOK_MS = 20
const MIB = 2 ** 20
const CHANNEL_FD = 3
/** What the process says where it ends itself; see process-host.ts. */
const MEMORY = /limits\.processMemoryMb/

export interface PoolListener {
  /** @throws Malformed if the process cannot have to say that */
  frame(frame: Frame): void
  /** Whether somebody waits for a frame of that kind. */
  expects(kind: FrameKind): boolean
  /** When the process last marked how far this rank has come, while that is waited for: of performance.now(). */
  waitsSince(): number | undefined
  /** The process ended; nothing that was sent to it is answered any more. */
  ended(end: PoolEnd): void
  /** Why the process must be ended, if what runs for this rank can be stopped in no other way. */
  stuck(): string | undefined
  /** Whether execs of this rank run, or wait for the process to say so. */
  runs(): boolean
}

/** How the process ended. */
export interface PoolEnd {
  /** In words. */
  reason: string
  /** It had reached its memory limit. */
  memory: boolean
  /** What it said made no sense. */
  malformed: boolean
  /** The rank that was stuck or said what makes no sense, if that is why it was ended. */
  stuckRank: number | undefined
  /** Ranks that ran or started something. */
  busyRanks: ReadonlySet<number>
  /** No exec ran: at most, ranks started. */
  idle: boolean
}

/** How the process is started, and what it may take. */
export interface PoolOptions {
  code: PoolCode
  /** Of the heap of the process itself and of each of its threads, isolates aside: MiB. */
  heapMb: number
  /** Resident memory of the process: MiB. */
  memoryMb: number
  /** See config.ts. */
  wrapper: readonly string[]
  permissions: boolean
  /** Longest payload of a frame from the process: bytes. */
  maxPayload: number
}

export class PoolProcess {
  /** Who may run in the process. */
  readonly turns = new Turns()
  readonly #options: PoolOptions
  readonly #listeners = new Map<number, PoolListener>()
  readonly #busy = new Set<number>()
  #process: ChildProcess | undefined
  #channel: Socket | undefined
  #lastHeard = 0
  #watch: NodeJS.Timeout | undefined
  #memoryWatch: NodeJS.Timeout | undefined
  #closed = false
  /** Called after the process has ended. */
  #whenEnded: (() => void) | undefined
  /** Set after the process was told to end, or has ended. */
  #givingUp: NodeJS.Timeout | undefined

  constructor(options: PoolOptions) {
    this.#options = options
    process.once('exit', this.#kill)
  }

  /** Process id, while there is a process. */
  get pid(): number | undefined {
    return this.#process?.pid
  }

  listen(rank: number, listener: PoolListener): void {
    this.#listeners.set(rank, listener)
  }

  /** Sends a frame; starts the process where there is none. */
  send(
    kind: FrameKind,
    rank: number,
    number: number,
    payload: Uint8Array,
    /** Called after the system took the frame, or the process ended. */
    written?: () => void,
  ): void {
    this.#channel ??= this.#start()
    this.#channel.write(encodeFrame(kind, rank, number, payload), written)
  }

  /** Whether the process is about to end, for what it did before: nothing that is sent now has a share in that. */
  get ending(): boolean {
    return this.#endedBecause !== undefined
  }

  get running(): boolean {
    return this.#channel !== undefined
  }

  /** A rank waits for an answer, or no longer does. Only then the process is expected to say something. */
  busy(rank: number, busy: boolean): void {
    if (busy) this.#busy.add(rank)
    else this.#busy.delete(rank)
    if (busy && this.#busy.size === 1) {
      this.#lastHeard = performance.now()
      this.#channel?.ref()
      this.#process?.ref()
      this.#memoryWatch ??= setInterval(() => this.#lookAtMemory(), MEMORY_LOOK_MS).unref()
    } else if (this.#busy.size === 0) {
      this.#channel?.unref()
      this.#process?.unref()
    }
  }

  /** Ends the process. Whoever still waits is told that it ended. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    process.off('exit', this.#kill)
    const child = this.#process
    if (child === undefined) return
    const ended = new Promise<void>((resolve) => {
      this.#whenEnded = resolve
    })
    child.ref()
    this.#end(child)
    await ended
  }

  /**
   * Sends SIGKILL, since a stopped process takes no other signal. A wrapper may start the process instead of becoming
   * it, so the whole process group gets the signal.
   */
  readonly #kill = (): void => {
    const child = this.#process
    // After the end, another process may have its number.
    if (child?.pid === undefined || hasEnded(child)) return
    killGroup(child.pid)
    child.kill('SIGKILL')
  }

  #end(child: ChildProcess): void {
    this.#kill()
    this.#giveUpSoon(child)
  }

  /** Takes the process for ended in bounded time, whoever holds its pipes open, and whether SIGKILL reached it or not. */
  #giveUpSoon(child: ChildProcess): void {
    if (this.#process !== child) return
    this.#givingUp ??= setTimeout(() => {
      this.#givingUp = setTimeout(() => {
        this.#ended(child, hasEnded(child) ? describe(child.exitCode, child.signalCode) : 'it did not end')
      }, GIVE_UP_MS)
    }, GIVE_UP_MS)
  }

  #start(): Socket {
    const { code, heapMb, memoryMb, maxPayload, wrapper, permissions } = this.#options
    const [command, ...args] = [
      ...wrapper,
      process.execPath,
      ...(permissions ? permissionOptions() : []),
      ...V8_FLAGS,
      `--max-old-space-size=${heapMb}`,
      ENTRY,
      String(memoryMb),
    ]
    const child = spawn(command!, args, {
      cwd: '/',
      env: {},
      stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
      // A process group of its own: Ctrl-C in a terminal is for the embedder to decide on.
      detached: true,
    })
    if (child.pid !== undefined) makeExpendable(child.pid)
    // Where the process ends before it has read its code, `exit` tells.
    child.stdin!.on('error', () => {}).end(JSON.stringify(code))
    const channel = child.stdio[CHANNEL_FD] as Socket
    this.#process = child
    let said = ''
    let saidLength = 0
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-MAX_STDERR)
      saidLength += text.length
      if (saidLength > MAX_STDERR_TOTAL && this.#process === child) {
        this.#endBecause('it wrote more than 1 MiB to stderr', { malformed: true })
      }
    })
    ;(child.stderr as Socket).unref()
    let heard = false
    const reader = new FrameReader(
      {
        kinds: FROM_PROCESS,
        maxPayload,
        expects: (kind, rank) => this.#listeners.get(rank)?.expects(kind) ?? false,
      },
      (frame) => {
        heard = true
        if (this.#process === child) this.#take(frame)
      },
      (what) => this.#endBecause(`malformed data of the pool process: ${what}`, { malformed: true }),
    )
    channel.on('data', (chunk: Buffer) => reader.push(chunk))
    // What was written to a process that ended is lost with it; `exit` tells.
    channel.on('error', () => {})
    // Also for a SIGKILL that is refused: https://nodejs.org/api/child_process.html#event-error
    child.on('error', (error) => this.#ended(child, error.message))
    child.once('exit', () => {
      if (this.#process !== child) return
      // A wrapper that ended may leave behind what it started. The number stays taken as long as the group has a member.
      killGroup(child.pid!)
      // Whoever waits for the end must not be left by an event loop with nothing to do.
      ;(child.stderr as Socket).ref()
      channel.ref()
      this.#giveUpSoon(child)
    })
    // Not `exit`: by `close`, all that the process wrote has been read. Where that takes too long, #giveUpSoon is first.
    child.once('close', (code, signal) => {
      const why = lastWords(said) || (heard ? '' : startFailure(said))
      this.#ended(child, `${describe(code, signal)}${why}`)
    })
    this.#lastHeard = performance.now()
    this.#watch = setInterval(() => this.#look(), LOOK_MS).unref()
    this.busy(0, true)
    this.busy(0, false)
    return channel
  }

  #take(frame: Frame): void {
    this.#lastHeard = performance.now()
    // Nothing counts any more that comes after something malformed, until the process is gone.
    if (this.#endedBecause !== undefined) return
    try {
      const listener = this.#listeners.get(frame.rank)
      if (listener === undefined) throw new Malformed(`a frame of rank ${frame.rank}`)
      listener.frame(frame)
    } catch (error) {
      if (!(error instanceof Malformed)) throw error
      const reason = `malformed data of the pool process: ${error.message}`
      const stuckRank = this.#listeners.has(frame.rank) ? frame.rank : undefined
      this.#endBecause(reason, { malformed: true, stuckRank })
    }
  }

  /** A busy process marks each rank that waits for it every MARK_MS. */
  #silence = new Silence()
  #lookedAt = 0
  #endedBecause: Omit<PoolEnd, 'busyRanks' | 'idle'> | undefined

  #look(): void {
    const before = this.#lookedAt
    this.#lookedAt = performance.now()
    const spoke = this.#busy.size === 0 || this.#lastHeard > before
    const silentRanks = this.#ranksSilentSince(before)
    const { pid } = this
    const isQuiet = !spoke || silentRanks.length > 0
    const silent = this.#silence.look(
      spoke,
      silentRanks,
      isQuiet && pid !== undefined ? scheduling(pid) : undefined,
    )
    if (silent === 'process') this.#endBecause(`it said nothing for ${this.#msSince(this.#lastHeard)} ms`)
    else if (silent !== undefined) {
      const ms = this.#msSince(this.#listeners.get(silent)!.waitsSince()!)
      this.#endBecause(`it said nothing of child ${silent} for ${ms} ms`, { stuckRank: silent })
    }
    for (const [stuckRank, listener] of this.#listeners) {
      const stuck = listener.stuck()
      if (stuck !== undefined) {
        this.#endBecause(stuck, { stuckRank })
        return
      }
    }
  }

  /** Frames of one rank are no sign of life of another. */
  #ranksSilentSince(time: number): number[] {
    const isSilent = (listener: PoolListener) => (listener.waitsSince() ?? Number.POSITIVE_INFINITY) <= time
    return [...this.#listeners].filter(([, listener]) => isSilent(listener)).map(([rank]) => rank)
  }

  #msSince(time: number): number {
    return Math.round(this.#lookedAt - time)
  }

  /** The process looks, too, and more often; but not where its main thread is stuck. */
  #lookAtMemory(): void {
    const { pid } = this
    if (pid === undefined || this.#busy.size === 0) {
      clearInterval(this.#memoryWatch)
      this.#memoryWatch = undefined
      return
    }
    const { memoryMb } = this.#options
    const mib = (residentBytes(pid) ?? 0) / MIB
    if (mib <= memoryMb) return
    const reason = `${Math.round(mib)} MiB in memory, limits.processMemoryMb is ${memoryMb}`
    this.#endBecause(reason, { memory: true })
  }

  #endBecause(reason: string, cause: Partial<PoolEnd> = {}): void {
    // The first cause is the one: more may come up until the process is gone.
    this.#endedBecause ??= { reason, memory: false, malformed: false, stuckRank: undefined, ...cause }
    if (this.#process !== undefined) this.#end(this.#process)
  }

  #ended(child: ChildProcess, reason: string): void {
    if (this.#process !== child) return
    clearInterval(this.#watch)
    clearTimeout(this.#givingUp)
    this.#givingUp = undefined
    letGo(child)
    this.#process = undefined
    this.#channel = undefined
    this.#silence = new Silence()
    const because = this.#endedBecause ?? {
      reason,
      memory: MEMORY.test(reason),
      malformed: false,
      stuckRank: undefined,
    }
    this.#endedBecause = undefined
    const busyRanks = new Set(this.#busy)
    const listeners = [...this.#listeners.values()]
    const idle = !listeners.some((listener) => listener.runs())
    for (const listener of listeners) listener.ended({ ...because, busyRanks, idle })
    this.#whenEnded?.()
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}

/** Sends SIGKILL to all processes of the group, if there is one. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // All have ended, or belong to another user.
  }
}

/** Closes our ends of the pipes, so that what still runs there reaches nothing here, and is not waited for. */
function letGo(child: ChildProcess): void {
  for (const pipe of child.stdio) pipe?.destroy()
  child.unref()
}

function describe(code: number | null, signal: string | null): string {
  return signal === null
    ? `the pool process ended with exit code ${code}`
    : `the pool process was ended by ${signal}`
}

/** The line of V8 that says what happened. */
function lastWords(said: string): string {
  const line = said.split('\n').find((text) => text.includes('FATAL ERROR') || text.includes('Fatal'))
  return line === undefined ? '' : `: ${line.replace(/^#?\s*/, '').trim()}`
}

/** Why a process did not come up, where it was not allowed to read one of its own files. */
function startFailure(said: string): string {
  if (!said.includes('ERR_ACCESS_DENIED')) return ''
  const resource = /resource: '(.*)'/.exec(said)?.[1] ?? 'one of its files'
  return `: Node's permissions keep it from reading ${resource}; process: { permissions: false } starts it without`
}

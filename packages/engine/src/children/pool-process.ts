/**
 * The pool process of isolation `process`, seen from the engine. It is started when it is needed, started again after
 * it ended, and ended when it stays silent. process-child.ts contains what each rank does with the process.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { debugPool } from '../debug.ts'
import { V8_FLAGS } from '../isolate/host/v8-flags.ts'
import { encodeFrame, FROM_PROCESS, type Frame, type FrameKind, FrameReader } from '../wire/frame.ts'
import { Malformed } from '../wire/malformed.ts'
import type { PoolCode } from './pool-code.ts'
import { ENTRY, permissionOptions } from './pool-permissions.ts'
import { makeExpendable, residentBytes, scheduling } from './proc.ts'
import { LOOK_MS, Silence } from './silence.ts'
import { Turns } from './turns.ts'

/** Number of characters kept from the end of stderr. V8 writes there why it aborted. */
const MAX_STDERR = 4_096
/**
 * Maximum number of characters on stderr. A process that writes more is ended: an honest one writes only its last
 * error.
 */
const MAX_STDERR_TOTAL = 2 ** 20
/**
 * A process that ended, or was sent SIGKILL, is given up after two waits of this length, in milliseconds. A
 * descendant that a wrapper started may hold the pipes open, and a process of another user accepts no signal from us.
 * There are two waits because one may pass while this thread is busy; between them, the output of the process is
 * read.
 */
const GIVE_UP_MS = 500
/** Interval at which the host checks the memory of a busy process, in milliseconds. */
const MEMORY_LOOK_MS = 20
const MIB = 2 ** 20
const CHANNEL_FD = 3
/** Matches the error that the process writes when it ends itself at its memory limit (pool-main.ts). */
const MEMORY = /limits\.processMemoryMb/

export interface PoolListener {
  /** @throws Malformed if the process cannot legitimately send this frame */
  frame(frame: Frame): void
  /** Returns whether a frame of this kind is expected. */
  expects(kind: FrameKind): boolean
  /** Time of the last mark for this rank, as returned by performance.now(). Undefined if no mark is expected. */
  waitsSince(): number | undefined
  /** The process ended. Nothing that was sent to it will be answered. */
  ended(end: PoolEnd): void
  /** Returns why the process must be ended, if nothing else can stop the execs of this rank. */
  stuck(): string | undefined
  /** Returns whether execs of this rank run, or wait for a report from the process. */
  runs(): boolean
}

/** How the process ended. */
export interface PoolEnd {
  /** The reason, as text. */
  reason: string
  /** Whether the process had reached its memory limit. */
  memory: boolean
  /** Whether the process sent malformed data. */
  malformed: boolean
  /** The rank that was stuck or sent malformed data, if the process was ended because of that. */
  stuckRank: number | undefined
  /** Ranks that were running or starting. */
  busyRanks: ReadonlySet<number>
  /** Whether no exec was running; ranks may have been starting. */
  idle: boolean
}

/** How the process is started, and its limits. */
export interface PoolOptions {
  code: PoolCode
  /** Maximum heap of the process's main thread and of each worker, without isolates, in MiB. */
  heapMb: number
  /** Maximum resident memory of the process, in MiB. */
  memoryMb: number
  /** See config.ts. */
  wrapper: readonly string[]
  permissions: boolean
  /** Maximum payload of a frame from the process, in bytes. */
  maxPayload: number
}

export class PoolProcess {
  /** Decides which child may run in the process. */
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
  /** Set after the process has ended, or was told to end. */
  #givingUp: NodeJS.Timeout | undefined

  constructor(options: PoolOptions) {
    this.#options = options
    process.once('exit', this.#kill)
  }

  /** Id of the process, while there is one. */
  get pid(): number | undefined {
    return this.#process?.pid
  }

  listen(rank: number, listener: PoolListener): void {
    this.#listeners.set(rank, listener)
  }

  /** Sends a frame. Starts the process if there is none. */
  send(
    kind: FrameKind,
    rank: number,
    number: number,
    payload: Uint8Array,
    /** Called after the operating system accepted the frame, or the process ended. */
    written?: () => void,
  ): void {
    this.#channel ??= this.#start()
    this.#channel.write(encodeFrame(kind, rank, number, payload), written)
  }

  /** Whether the process is about to end because of an earlier event. Nothing that is sent now can be the cause. */
  get ending(): boolean {
    return this.#endedBecause !== undefined
  }

  get running(): boolean {
    return this.#channel !== undefined
  }

  /** Records whether a rank waits for an answer. The process must send marks only while a rank waits. */
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

  /** Ends the process. Listeners that still wait are told that it ended. */
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
   * Sends SIGKILL, because a stopped process accepts no other signal. The whole process group receives it: a wrapper
   * may start the process instead of becoming it.
   */
  readonly #kill = (): void => {
    const child = this.#process
    // After the end, another process may have the same id.
    if (child?.pid === undefined || hasEnded(child)) return
    killGroup(child.pid)
    child.kill('SIGKILL')
  }

  #end(child: ChildProcess): void {
    this.#kill()
    this.#giveUpSoon(child)
  }

  /** Treats the process as ended after a bounded time, even if its pipes stay open or SIGKILL did not reach it. */
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
      // Gives the process a process group of its own. The embedder decides what Ctrl-C in a terminal does.
      detached: true,
    })
    if (child.pid !== undefined) makeExpendable(child.pid)
    // If the process ends before it has read its code, `exit` reports that.
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
    // Data written to a process that ended is lost; `exit` reports the end.
    channel.on('error', () => {})
    // Emitted for a SIGKILL that is refused, too: https://nodejs.org/api/child_process.html#event-error
    debugPool(`pool process ${child.pid} started`)
    child.on('error', (error) => this.#ended(child, error.message))
    child.once('exit', () => {
      if (this.#process !== child) return
      // A wrapper that ended may leave descendants behind. The group id stays reserved while the group has a member.
      killGroup(child.pid!)
      // Keeps the event loop alive for callers that wait for the end of the process.
      ;(child.stderr as Socket).ref()
      channel.ref()
      this.#giveUpSoon(child)
    })
    // Uses `close` instead of `exit`, because all output of the process has been read by then. If `close` takes too
    // long, #giveUpSoon acts first.
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
    // After malformed data, everything else from this process is ignored.
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

  /** Detects silence. While a rank waits, an honest process marks its progress every MARK_MS. */
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

  /** Returns the ranks without a mark since `time`. Frames of one rank are no sign of life of another. */
  #ranksSilentSince(time: number): number[] {
    const isSilent = (listener: PoolListener) => (listener.waitsSince() ?? Number.POSITIVE_INFINITY) <= time
    return [...this.#listeners].filter(([, listener]) => isSilent(listener)).map(([rank]) => rank)
  }

  #msSince(time: number): number {
    return Math.round(this.#lookedAt - time)
  }

  /**
   * The process checks its memory, too, and more often. But its check does not run while its main thread is stuck.
   */
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
    // The first cause counts; more may follow until the process is gone.
    this.#endedBecause ??= { reason, memory: false, malformed: false, stuckRank: undefined, ...cause }
    if (this.#process !== undefined) this.#end(this.#process)
  }

  #ended(child: ChildProcess, reason: string): void {
    debugPool(`pool process ${child.pid} ended: ${JSON.stringify(reason)}`)
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

/** Sends SIGKILL to all processes of the group, if it exists. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // All processes of the group have ended, or belong to another user.
  }
}

/**
 * Closes our ends of the pipes, so that remaining descendants can neither send data to this process nor keep it
 * alive.
 */
function letGo(child: ChildProcess): void {
  for (const pipe of child.stdio) pipe?.destroy()
  child.unref()
}

function describe(code: number | null, signal: string | null): string {
  return signal === null
    ? `the pool process ended with exit code ${code}`
    : `the pool process was ended by ${signal}`
}

/** Returns the line in which V8 reports the fatal error. */
function lastWords(said: string): string {
  const line = said.split('\n').find((text) => text.includes('FATAL ERROR') || text.includes('Fatal'))
  return line === undefined ? '' : `: ${line.replace(/^#?\s*/, '').trim()}`
}

/** Returns why a process did not start, if it was not allowed to read one of its own files. */
function startFailure(said: string): string {
  if (!said.includes('ERR_ACCESS_DENIED')) return ''
  const resource = /resource: '(.*)'/.exec(said)?.[1] ?? 'one of its files'
  return `: Node's permissions keep it from reading ${resource}; process: { permissions: false } starts it without`
}

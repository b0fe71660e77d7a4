/** The engine: a pool of children, each an isolate with a rank, and the execs that run on them. */
import { tracingChannel } from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import { encodeUtf8, SIPMessage, SIPMessageError } from '@siplet/sipmsg'
import { pino } from 'pino'
import { Workers } from './children/idle-workers.ts'
import { type EngineConfig, type EngineOptions, parseConfig } from './config.ts'
import { byCallId, shortest } from './dispatch/affinity.ts'
import type { ChildQueue, Ending, LossCause, StartFailure } from './dispatch/child-queue.ts'
import type { PendingExec } from './dispatch/pending-exec.ts'
import { Poison } from './dispatch/poison.ts'
import { type ErrorCode, SipletError } from './errors.ts'
import { type ExecArguments, type ExecOptions, execArguments } from './exec-arguments.ts'
import { ExecResult, type RunTime } from './exec-result.ts'
import { Functions } from './functions/functions.ts'
import { Nesting } from './functions/nesting.ts'
import { Generation, type GenerationEvents } from './generation.ts'
import { Inspector } from './inspector/inspector.ts'
import { EngineMetrics } from './metrics.ts'
import { escapedJSON } from './printable.ts'
import { keepEsbuild } from './script/esbuild.ts'
import { ScriptLog } from './script-log.ts'
import { thrownText } from './shown.ts'
import { EngineCounters, type EngineStats } from './stats.ts'
import { encodeRequest, ROUTES, type Route } from './wire/request.ts'
import type { LogLine, Outcome } from './wire/verdict.ts'

/**
 * Traces execs through node:diagnostics_channel, for tracers such as OpenTelemetry. The events `start` and `asyncEnd`
 * of one exec share a context `{ method, route, result }`. `result` is set at the end.
 */
const TRACING = tracingChannel<object, { method: string; route: Route | undefined; result?: ExecResult }>(
  'siplet:exec',
)

/**
 * Loads the script and starts all children concurrently.
 *
 * @throws SipletError ERR_SIPLET_CONFIG, any error of loadScript, or, with rank and cause, ERR_SIPLET_SCRIPT_LOAD,
 *   ERR_SIPLET_MOD_INIT or ERR_SIPLET_CHILD_INIT. No child keeps running then.
 */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  const engine = new Engine(parseConfig(options))
  await engine.start()
  return engine
}

/**
 * Events of an engine. `rank` is the rank of the child concerned. If a listener throws or rejects, the error is
 * logged; it never affects an exec.
 */
export interface EngineEvents {
  /** The isolate of a child ended for this cause. The engine rebuilds it. */
  rebuild: [{ rank: number; cause: Ending }]
  /** A rebuild failed. The engine tries again after a back-off. */
  degraded: [{ rank: number; error: SipletError }]
  /** A degraded child was started successfully. */
  recovered: [{ rank: number }]
  /** A new generation of children has taken over. */
  reload: [{ generation: number }]
}

export class Engine extends EventEmitter<EngineEvents> {
  readonly #config: EngineConfig
  readonly #functions: Functions
  readonly #nesting = new Nesting()
  readonly #log: ScriptLog
  readonly #counters = new EngineCounters()
  readonly #metrics = new EngineMetrics(() => this.stats())
  readonly #poison = new Poison()
  readonly #workers: Workers
  readonly #inspector: Inspector | undefined
  readonly #releaseEsbuild = keepEsbuild()
  #generation!: Generation
  #waiting = 0
  /** Total size of the records of waiting execs, in bytes. */
  #waitingBytes = 0
  #reloading: Promise<void> = Promise.resolve()
  #closing: Promise<void> | undefined

  /** Use {@link createEngine}. */
  constructor(config: EngineConfig) {
    // A rejection of a listener goes to the method below.
    // https://nodejs.org/api/events.html#capture-rejections-of-promises
    super({ captureRejections: true })
    this.#config = config
    this.#workers = new Workers(config.children)
    this.#functions = new Functions(config.functions, config.limits.callFunctionTimeoutMs, this.#nesting)
    this.#log = new ScriptLog(
      config.logger ??
        pino(
          { name: 'siplet', level: 'warn', hooks: { streamWrite: escapedJSON } },
          pino.destination({ fd: 2, sync: true }),
        ),
      config.limits.maxLogLines,
    )
    this.#inspector = config.inspect && new Inspector(config.inspect)
  }

  [Symbol.for('nodejs.rejection')](error: unknown, event: string): void {
    this.#log.failure(`a listener of '${event}' failed: ${thrownText(error)}`)
  }

  /** Emits an event. An error that a listener throws is logged. */
  #tell<Name extends keyof EngineEvents>(event: Name, ...told: EngineEvents[Name]): void {
    try {
      ;(this as EventEmitter).emit(event, ...told)
    } catch (error) {
      this.#log.failure(`a listener of '${event}' failed: ${thrownText(error)}`)
    }
  }

  /** Starts the first generation. createEngine calls this method once. */
  async start(): Promise<void> {
    try {
      this.#generation = await this.#startGeneration()
    } catch (error) {
      await this.#workers.close()
      await this.#inspector?.close()
      this.#releaseEsbuild()
      throw error
    }
  }

  /** Names of the methods of the object that mod_init returned, in order of definition. */
  get methods(): readonly string[] {
    return this.#generation.methods
  }

  /** Names of the methods that exec cannot run: async functions and generators return no integer. */
  get asyncMethods(): readonly string[] {
    return this.#generation.asyncMethods
  }

  /**
   * Runs a method of the script on a message. Never rejects because of a script or a message: the `error` of the
   * result describes the failure.
   *
   * @param message the bytes of one SIP message, or a parsed message in its current state; a string is encoded as
   *   UTF-8
   * @throws SipletError ERR_SIPLET_ARGUMENT if an argument has the wrong type
   */
  exec(
    method: string,
    message: Uint8Array | string | SIPMessage,
    options: ExecOptions = {},
  ): Promise<ExecResult> {
    return new Promise((resolve) => {
      const given = execArguments(method, message, options)
      const exec = this.#prepare(given, traced(given, resolve))
      if (exec === undefined) return
      const queue = this.#route(exec)
      if (queue !== undefined) queue.push(exec)
    })
  }

  /**
   * Runs a method like exec, but on the calling thread and without the event loop. This has the lowest latency. It
   * works in isolation `inline` only. Functions that the script calls must answer synchronously.
   *
   * @throws SipletError ERR_SIPLET_ARGUMENT; ERR_SIPLET_SYNC if the isolation is not `inline`, a debugger may attach
   *   (`inspect`), or the child of this message is busy with execs made by `exec`
   */
  execSync(method: string, message: Uint8Array | string | SIPMessage, options: ExecOptions = {}): ExecResult {
    if (this.#config.isolation !== 'inline') {
      throw new SipletError(
        'ERR_SIPLET_SYNC',
        `execSync needs isolation 'inline'; this engine has '${this.#config.isolation}': use exec`,
      )
    }
    if (this.#inspector !== undefined) {
      throw new SipletError(
        'ERR_SIPLET_SYNC',
        'execSync would keep the debugger of `inspect` waiting, and so itself: use exec',
      )
    }
    let answered: ExecResult | undefined
    const exec = this.#prepare(execArguments(method, message, options), (result) => {
      answered = result
    })
    if (exec !== undefined) {
      const queue = this.#route(exec)
      if (queue !== undefined && !queue.runSync(exec)) {
        this.#leaves(exec)
        throw new SipletError(
          'ERR_SIPLET_SYNC',
          `execSync: child ${queue.child.rank} is busy with execs made by exec(); await them first`,
        )
      }
    }
    return answered!
  }

  /**
   * Loads the script again and starts a new generation of children while the old one still serves. As soon as all new
   * children have started, execs go to the new generation. The old generation finishes its execs and ends. Execs of
   * one Call-ID keep their order. Resolves when the old generation has ended.
   *
   * @throws SipletError any error that createEngine throws for a script (the old generation then continues to serve),
   *   or ERR_SIPLET_CLOSED
   */
  reload(): Promise<void> {
    const reloaded = this.#reloading.then(() => this.#reload())
    this.#reloading = reloaded.catch(() => {})
    return reloaded
  }

  /** Resolves when all execs accepted so far have their result. */
  async drain(): Promise<void> {
    await Promise.all(this.#generation.queues.map((queue) => queue.idle()))
  }

  /** Returns counters since the start, and the state of every child. */
  stats(): EngineStats {
    return this.#counters.stats(
      this.#generation.queues.map((queue) => queue.stats),
      this.#log.dropped,
    )
  }

  /** Returns the metrics in the text format of Prometheus. */
  metrics(): Promise<string> {
    return this.#metrics.text()
  }

  /** Refuses new execs, finishes the accepted ones, then ends all children. Can be called more than once. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    await this.#reloading
    await this.#workers.close()
    await this.#generation.close()
    await this.#inspector?.close()
    this.#releaseEsbuild()
  }

  async #reload(): Promise<void> {
    if (this.#closing !== undefined) throw new SipletError('ERR_SIPLET_CLOSED', 'the engine is closed')
    let next: Generation
    try {
      next = await this.#startGeneration()
    } catch (error) {
      this.#counters.reloaded(false)
      throw error
    }
    const old = this.#generation
    for (const [index, queue] of next.queues.entries()) {
      const before = old.queues[index]!
      if (!before.isIdle) queue.after(before.idle())
    }
    this.#generation = next
    this.#poison.clear()
    this.#counters.reloaded(true)
    this.#tell('reload', { generation: this.#counters.generation })
    await old.close()
  }

  #startGeneration(): Promise<Generation> {
    const events = (generation: () => Generation | undefined): GenerationEvents => {
      const error = (failure: StartFailure, rank: number) =>
        generation()?.startError(failure, rank) ?? new SipletError(failure.code, failure.message, { rank })
      return {
        ended: (exec, outcome, rank, time) => this.#ended(exec, outcome, rank, time, generation()!),
        broke: (exec, ending, logs, rank, time, loss, killed) =>
          this.#broke(exec, ending, logs, rank, time, loss, killed),
        refused: (exec, failure, rank) => this.#answer(exec, failed(exec, error(failure, rank), rank)),
        warned: (text) => this.#log.warning(text),
        started: (logs, rank) => this.#log.lines(logs, rank),
        rebuilt: (rank, cause) => {
          this.#counters.rebuilt(cause)
          this.#tell('rebuild', { rank, cause })
        },
        degraded: (rank, failure) => {
          const cause = error(failure, rank)
          this.#log.degraded(cause, rank)
          this.#tell('degraded', { rank, error: cause })
        },
        recovered: (rank) => this.#tell('recovered', { rank }),
      }
    }
    return Generation.start(this.#config, this.#functions, this.#workers, events, this.#inspector)
  }

  /**
   * Creates the pending exec. Returns undefined if the exec was refused; it then has its result and reaches no child.
   */
  #prepare(given: ExecArguments, answer: (result: ExecResult) => void): PendingExec | undefined {
    const { method, extra, messageBytes, extraBytes, src, dst, context } = given
    const refuse = (code: ErrorCode, message: string): undefined => {
      const error = withoutStack(() => new SipletError(code, message))
      this.#counters.refused(code)
      answer(new ExecResult(given.message, { ...UNDECIDED, error }, 0, NOT_RUN))
    }
    if (this.#closing !== undefined) return refuse('ERR_SIPLET_CLOSED', 'the engine is closed')
    const { maxQueue, maxQueueBytes } = this.#config.limits
    if (this.#waiting >= maxQueue) {
      return refuse(
        'ERR_SIPLET_OVERLOAD',
        `${this.#waiting} execs wait already (limits.maxQueue is ${maxQueue})`,
      )
    }
    // Checks the size before anything is encoded or copied, so that a refused message takes no memory.
    const { maxMessageBytes } = this.#config.limits
    if (messageBytes + extraBytes > maxMessageBytes) {
      return refuse(
        'ERR_SIPLET_MESSAGE_TOO_LARGE',
        `the message has ${messageBytes} bytes and extraArgs has ${extraBytes}; together they may have ${maxMessageBytes} (limits.maxMessageBytes)`,
      )
    }
    const waitingBytes = this.#waitingBytes + messageBytes + extraBytes
    if (this.#waiting > 0 && waitingBytes > maxQueueBytes) {
      return refuse(
        'ERR_SIPLET_OVERLOAD',
        `with this exec, ${waitingBytes} bytes of messages would wait (limits.maxQueueBytes is ${maxQueueBytes})`,
      )
    }
    let message: SIPMessage
    try {
      message = new SIPMessage(typeof given.message === 'string' ? Buffer.from(given.message) : given.message)
    } catch (error) {
      if (!(error instanceof SIPMessageError)) throw error
      return refuse('ERR_SIPLET_NOT_SIP', error.message)
    }
    const { text } = message
    if (this.#poison.refuses(method, text)) {
      return refuse('ERR_SIPLET_POISON', `${method}() on this very message ended its process twice`)
    }
    const route = given.route ?? (message.isRequest ? 'REQUEST_ROUTE' : 'ONREPLY_ROUTE')
    const record = encodeRequest({
      route: ROUTES.indexOf(route),
      method: given.methodText,
      srcIp: src[0],
      srcPort: src[1],
      dstIp: dst[0],
      dstPort: dst[1],
      extra: extra === undefined ? null : encodeUtf8(extra),
      message: text,
    })
    this.#waiting++
    this.#waitingBytes += record.length
    return { method, message, route, src, dst, context, record, at: performance.now(), answer }
  }

  /** Returns the queue for an exec. Returns undefined if no child could ever answer; the exec then has its result. */
  #route(exec: PendingExec): ChildQueue | undefined {
    const { queues } = this.#generation
    const queue = this.#config.affinity === 'none' ? shortest(queues)! : this.#affine(exec)
    const holder = this.#nesting.holder
    if (holder === undefined) return queue
    const free = (candidate: ChildQueue) => !this.#nesting.wouldDeadlock(holder, candidate.child.rank)
    const target = free(queue) ? queue : shortest(queues.filter(free))
    if (target === undefined) {
      const text = `an exec from within a function that child ${holder} called would wait for child ${holder} itself; use more children`
      this.#answer(exec, failed(exec, new SipletError('ERR_SIPLET_WOULD_DEADLOCK', text), 0))
      return undefined
    }
    const answered = this.#nesting.wait(holder, target.child.rank)
    const { answer } = exec
    Object.assign(exec, {
      answer: (result: ExecResult) => {
        answered()
        answer(result)
      },
    })
    return target
  }

  #affine(exec: PendingExec): ChildQueue {
    // With one child, the Call-ID does not matter.
    return this.#generation.queues.length === 1
      ? this.#generation.queues[0]!
      : byCallId(this.#generation.queues, exec.message.callId)
  }

  #ended(exec: PendingExec, outcome: Outcome, rank: number, time: RunTime, generation: Generation): void {
    this.#log.lines(outcome.logs, rank, exec)
    if (outcome.error === null) {
      this.#answer(exec, new ExecResult(exec.message, outcome as Outcome & { error: null }, rank, time))
      return
    }
    const { code, message, stack } = outcome.error
    const error = new SipletError(code, message, {
      rank,
      stack: generation.mapStack(stack) || `${code}: ${message}`,
    })
    this.#log.error(error, rank, exec)
    this.#answer(exec, new ExecResult(exec.message, { ...outcome, error }, rank, time))
  }

  #broke(
    exec: PendingExec,
    ending: Ending,
    logs: readonly LogLine[],
    rank: number,
    time: RunTime,
    loss: LossCause | undefined,
    killed: boolean,
  ): void {
    const because = loss === undefined ? '' : ` (${loss.reason})`
    const { timeoutMs, memoryMb } = this.#config.limits
    const [code, message] = {
      timeout: ['ERR_SIPLET_TIMEOUT', `${exec.method}() ran longer than limits.timeoutMs (${timeoutMs} ms)`],
      memory: [
        'ERR_SIPLET_MEMORY',
        loss?.memory
          ? `${exec.method}() filled the memory of its process${because}`
          : `${exec.method}() reached limits.memoryMb (${memoryMb} MiB)`,
      ],
      lost: ['ERR_SIPLET_CHILD_LOST', `child ${rank} ended while ${exec.method}() ran${because}`],
    }[ending] as [ErrorCode, string]
    if (killed) this.#poison.killed(exec.method, exec.message.text)
    const error = new SipletError(code, `${message}; the child was rebuilt`, {
      rank,
      stack: `${code}: ${message}`,
    })
    this.#log.lines(logs, rank, exec)
    this.#log.error(error, rank, exec)
    this.#answer(exec, failed(exec, error, rank, time, logs))
  }

  #leaves({ record }: PendingExec): void {
    this.#waiting--
    this.#waitingBytes -= record.length
  }

  #answer(exec: PendingExec, result: ExecResult): void {
    this.#leaves(exec)
    this.#counters.answered(exec.method, result)
    this.#metrics.answered(performance.now() - exec.at)
    exec.answer(result)
  }
}

/** Runs an exec with tracing, if there is a subscriber. */
function traced(
  { method, route }: ExecArguments,
  answer: (result: ExecResult) => void,
): (result: ExecResult) => void {
  if (!TRACING.hasSubscribers) return answer
  const context: { method: string; route: Route | undefined; result?: ExecResult } = { method, route }
  TRACING.start.publish(context)
  return (result) => {
    context.result = result
    TRACING.asyncEnd.publish(context)
    answer(result)
  }
}

/**
 * The place of a refused call does not help anybody, and under overload the stack would be most of the cost of a
 * refusal.
 */
function withoutStack<T>(make: () => T): T {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return make()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

const UNDECIDED = { code: -1, dstUri: null, splices: [], logs: [] as readonly LogLine[] }
const NOT_RUN: RunTime = { us: 0, sharedBy: 1 }

function failed(
  exec: PendingExec,
  error: SipletError,
  rank: number,
  time = NOT_RUN,
  logs: readonly LogLine[] = UNDECIDED.logs,
): ExecResult {
  return new ExecResult(exec.message, { ...UNDECIDED, logs, error }, rank, time)
}

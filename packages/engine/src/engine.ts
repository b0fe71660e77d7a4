/** The engine: a pool of children, each an isolate with a rank, and the execs that run on them. */
import { tracingChannel } from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import { encodeUtf8, SIPMessage, SIPMessageError } from '@siplet/sipmsg'
import { pino } from 'pino'
import { Workers } from './children/idle-workers.ts'
import { type EngineConfig, type EngineOptions, parseConfig } from './config.ts'
import { byCallId, shortest } from './dispatch/affinity.ts'
import type { ChildQueue, Ending } from './dispatch/child-queue.ts'
import type { PendingExec } from './dispatch/pending-exec.ts'
import { type ErrorCode, SipletError } from './errors.ts'
import { ExecAnswers } from './exec-answers.ts'
import { type ExecArguments, type ExecOptions, execArguments } from './exec-arguments.ts'
import type { ExecResult } from './exec-result.ts'
import { Functions } from './functions/functions.ts'
import { Nesting } from './functions/nesting.ts'
import { Generation, type GenerationEvents } from './generation.ts'
import { Inspector } from './inspector/inspector.ts'
import { EngineMetrics } from './metrics.ts'
import { escapedJSON } from './printable.ts'
import { keepEsbuild } from './script/esbuild.ts'
import type { ScriptErrors } from './script/script-errors.ts'
import { ScriptLog } from './script-log.ts'
import { thrownText } from './shown.ts'
import type { EngineStats } from './stats.ts'
import { encodeRequest, ROUTES, type Route } from './wire/request.ts'

/**
 * Traces execs through node:diagnostics_channel, for tracers such as OpenTelemetry. The context is
 * `{ method, route, result, error }`. `result` is set when the exec has its result, `error` if its arguments were refused.
 */
interface Trace {
  readonly method: string
  readonly route: Route | undefined
  result?: ExecResult
  error?: unknown
}
const TRACING = tracingChannel<Trace, Trace>('siplet:exec')

/**
 * Loads the script and starts all children concurrently.
 *
 * @throws SipletError ERR_SIPLET_CONFIG, any error of loadScript, or, with rank and cause, ERR_SIPLET_SCRIPT_LOAD,
 *   ERR_SIPLET_MOD_INIT or ERR_SIPLET_CHILD_INIT. No child keeps running then.
 */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  return await Engine.start(parseConfig(options))
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

/** The parts of an engine that all of its generations share. */
interface Parts {
  readonly config: EngineConfig
  readonly nesting: Nesting
  readonly functions: Functions
  readonly log: ScriptLog
  readonly metrics: EngineMetrics
  readonly answers: ExecAnswers
  readonly workers: Workers
  readonly inspector: Inspector | undefined
  readonly releaseEsbuild: () => void
  /** Receives the events of all generations. The engine passes them on to its own listeners. */
  readonly events: EventEmitter<EngineEvents>
}

export class Engine extends EventEmitter<EngineEvents> {
  readonly #parts: Parts
  #generation: Generation
  #reloading: Promise<void> = Promise.resolve()
  #closing: Promise<void> | undefined

  /** Starts the first generation. Use {@link createEngine}. */
  static async start(config: EngineConfig): Promise<Engine> {
    const parts = partsOf(config)
    try {
      return new Engine(parts, await startGeneration(parts))
    } catch (error) {
      await parts.workers.close()
      await parts.inspector?.close()
      parts.releaseEsbuild()
      throw error
    }
  }

  private constructor(parts: Parts, generation: Generation) {
    // A rejection of a listener goes to the method below.
    // https://nodejs.org/api/events.html#capture-rejections-of-promises
    super({ captureRejections: true })
    this.#parts = parts
    this.#generation = generation
    parts.events.on('rebuild', (told) => this.#tell('rebuild', told))
    parts.events.on('degraded', (told) => this.#tell('degraded', told))
    parts.events.on('recovered', (told) => this.#tell('recovered', told))
  }

  [Symbol.for('nodejs.rejection')](error: unknown, event: string): void {
    this.#parts.log.failure(`a listener of '${event}' failed: ${thrownText(error)}`)
  }

  /** Emits an event. An error that a listener throws is logged. */
  #tell<Name extends keyof EngineEvents>(event: Name, ...told: EngineEvents[Name]): void {
    try {
      ;(this as EventEmitter).emit(event, ...told)
    } catch (error) {
      this.#parts.log.failure(`a listener of '${event}' failed: ${thrownText(error)}`)
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
    let given: ExecArguments
    try {
      given = execArguments(method, message, options)
    } catch (error) {
      const refused = () => Promise.reject<ExecResult>(error)
      return TRACING.hasSubscribers ? TRACING.tracePromise(refused, { method, route: undefined }) : refused()
    }
    if (!TRACING.hasSubscribers) return this.#exec(given)
    return TRACING.tracePromise(() => this.#exec(given), { method: given.method, route: given.route })
  }

  /**
   * Runs a method like exec, but on the calling thread and without the event loop. This has the lowest latency. It
   * works in isolation `inline` only. Functions that the script calls must answer synchronously.
   *
   * @throws SipletError ERR_SIPLET_ARGUMENT; ERR_SIPLET_SYNC if the isolation is not `inline`, a debugger may attach
   *   (`inspect`), or the child of this message is busy with execs made by `exec`
   */
  execSync(method: string, message: Uint8Array | string | SIPMessage, options: ExecOptions = {}): ExecResult {
    if (!TRACING.hasSubscribers) return this.#execSync(execArguments(method, message, options))
    let given: ExecArguments
    try {
      given = execArguments(method, message, options)
    } catch (error) {
      const refused = () => {
        throw error
      }
      return TRACING.traceSync(refused, { method, route: undefined })
    }
    return TRACING.traceSync(() => this.#execSync(given), { method: given.method, route: given.route })
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
    const { answers, log } = this.#parts
    return answers.counters.stats(
      this.#generation.queues.map((queue) => queue.stats),
      log.dropped,
    )
  }

  /** Returns the metrics in the text format of Prometheus. */
  metrics(): Promise<string> {
    return this.#parts.metrics.text(this.stats())
  }

  /** Refuses new execs, finishes the accepted ones, then ends all children. Can be called more than once. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #exec(given: ExecArguments): Promise<ExecResult> {
    return new Promise((resolve) => {
      const exec = this.#prepare(given, resolve)
      if (exec !== undefined) this.#route(exec)?.push(exec)
    })
  }

  #execSync(given: ExecArguments): ExecResult {
    if (this.#parts.config.isolation !== 'inline') {
      throw new SipletError(
        'ERR_SIPLET_SYNC',
        `execSync needs isolation 'inline'; this engine has '${this.#parts.config.isolation}': use exec`,
      )
    }
    if (this.#parts.inspector !== undefined) {
      throw new SipletError(
        'ERR_SIPLET_SYNC',
        'execSync would keep the debugger of `inspect` waiting, and so itself: use exec',
      )
    }
    let answered: ExecResult | undefined
    const exec = this.#prepare(given, (result) => {
      answered = result
    })
    if (exec !== undefined) {
      const queue = this.#route(exec)
      if (queue !== undefined && !queue.runSync(exec)) {
        this.#parts.answers.leaves(exec)
        throw new SipletError(
          'ERR_SIPLET_SYNC',
          `execSync: child ${queue.child.rank} is busy with execs made by exec(); await them first`,
        )
      }
    }
    return answered!
  }

  async #close(): Promise<void> {
    await this.#reloading
    const { workers, inspector, releaseEsbuild } = this.#parts
    await workers.close()
    await this.#generation.close()
    await inspector?.close()
    releaseEsbuild()
  }

  async #reload(): Promise<void> {
    if (this.#closing !== undefined) throw new SipletError('ERR_SIPLET_CLOSED', 'the engine is closed')
    const { counters, poison } = this.#parts.answers
    let next: Generation
    try {
      next = await startGeneration(this.#parts)
    } catch (error) {
      counters.reloaded(false)
      throw error
    }
    const old = this.#generation
    for (const [index, queue] of next.queues.entries()) {
      const before = old.queues[index]!
      if (!before.isIdle) queue.after(before.idle())
    }
    this.#generation = next
    poison.clear()
    counters.reloaded(true)
    this.#tell('reload', { generation: counters.generation })
    await old.close()
  }

  /**
   * Creates the pending exec. Returns undefined if the exec was refused; it then has its result and reaches no child.
   */
  #prepare(given: ExecArguments, answer: (result: ExecResult) => void): PendingExec | undefined {
    const { method, extra, messageBytes, extraBytes, src, dst, context } = given
    const { answers, config } = this.#parts
    const refuse = (code: ErrorCode, text: string): undefined =>
      answer(answers.refusal(given, code, text)) as undefined
    if (this.#closing !== undefined) return refuse('ERR_SIPLET_CLOSED', 'the engine is closed')
    const { maxQueue, maxQueueBytes, maxMessageBytes } = config.limits
    const { waiting } = answers
    if (waiting >= maxQueue) {
      return refuse('ERR_SIPLET_OVERLOAD', `${waiting} execs wait already (limits.maxQueue is ${maxQueue})`)
    }
    // Checks the size before anything is encoded or copied, so that a refused message takes no memory.
    if (messageBytes + extraBytes > maxMessageBytes) {
      return refuse(
        'ERR_SIPLET_MESSAGE_TOO_LARGE',
        `the message has ${messageBytes} bytes and extraArgs has ${extraBytes}; together they may have ${maxMessageBytes} (limits.maxMessageBytes)`,
      )
    }
    const waitingBytes = answers.waitingBytes + messageBytes + extraBytes
    if (waiting > 0 && waitingBytes > maxQueueBytes) {
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
    if (answers.poison.refuses(method, text)) {
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
    const exec: PendingExec = {
      method,
      message,
      route,
      src,
      dst,
      context,
      record,
      at: performance.now(),
      answer,
    }
    answers.accepted(exec)
    return exec
  }

  /** Returns the queue for an exec. Returns undefined if no child could ever answer; the exec then has its result. */
  #route(exec: PendingExec): ChildQueue | undefined {
    const { config, nesting, answers } = this.#parts
    const { queues } = this.#generation
    const queue = config.affinity === 'none' ? shortest(queues)! : this.#affine(exec)
    const { holder } = nesting
    if (holder === undefined) return queue
    const free = (candidate: ChildQueue) => !nesting.wouldDeadlock(holder, candidate.child.rank)
    const target = free(queue) ? queue : shortest(queues.filter(free))
    if (target === undefined) {
      const text = `an exec from within a function that child ${holder} called would wait for child ${holder} itself; use more children`
      answers.fail(exec, new SipletError('ERR_SIPLET_WOULD_DEADLOCK', text), 0)
      return undefined
    }
    const answered = nesting.wait(holder, target.child.rank)
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
}

function partsOf(config: EngineConfig): Parts {
  const nesting = new Nesting()
  const log = new ScriptLog(
    config.logger ??
      pino(
        { name: 'siplet', level: 'warn', hooks: { streamWrite: escapedJSON } },
        pino.destination({ fd: 2, sync: true }),
      ),
    config.limits.maxLogLines,
  )
  const metrics = new EngineMetrics()
  return {
    config,
    nesting,
    functions: new Functions(config.functions, config.limits.callFunctionTimeoutMs, nesting),
    log,
    metrics,
    answers: new ExecAnswers(config.limits, log, metrics),
    workers: new Workers(config.children),
    inspector: config.inspect && new Inspector(config.inspect),
    releaseEsbuild: keepEsbuild(),
    events: new EventEmitter<EngineEvents>(),
  }
}

function startGeneration(parts: Parts): Promise<Generation> {
  const { config, functions, workers, inspector } = parts
  return Generation.start(config, functions, workers, (errors) => generationEvents(parts, errors), inspector)
}

/** @param errors errors of the generation's script */
function generationEvents({ answers, log, events }: Parts, errors: ScriptErrors): GenerationEvents {
  return {
    ended: (exec, outcome, rank, time) => answers.ended(exec, outcome, rank, time, errors),
    broke: (exec, ending, logs, rank, time, loss, killed) =>
      answers.broke(exec, ending, errors.mapLogs(logs), rank, time, loss, killed),
    refused: (exec, failure, rank) => answers.fail(exec, errors.startError(failure, rank), rank),
    warned: (text) => log.warning(text),
    started: (logs, rank) => log.lines(errors.mapLogs(logs), rank),
    rebuilt: (rank, cause) => {
      answers.counters.rebuilt(cause)
      events.emit('rebuild', { rank, cause })
    },
    degraded: (rank, failure) => {
      const error = errors.startError(failure, rank)
      log.degraded(error, rank)
      events.emit('degraded', { rank, error })
    },
    recovered: (rank) => void events.emit('recovered', { rank }),
  }
}

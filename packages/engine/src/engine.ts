/** createEngine: a pool of children, each an isolate with its rank, and the execs that run on them. */
import { encodeUtf8, SIPMessage, SIPMessageError, toText } from '@siplet/sipmsg'
import { pino } from 'pino'
import type { Child } from './children/child.ts'
import { InlineChild } from './children/inline.ts'
import { ThreadChild } from './children/thread.ts'
import { type EngineConfig, type EngineOptions, parseConfig } from './config.ts'
import { byCallId, shortest } from './dispatch/affinity.ts'
import { ChildQueue, type Ending, type QueueEvents, type StartFailure } from './dispatch/child-queue.ts'
import type { PendingExec } from './dispatch/pending-exec.ts'
import { type ErrorCode, SipletError } from './errors.ts'
import { ExecResult } from './exec-result.ts'
import { Functions } from './functions/functions.ts'
import { Nesting } from './functions/nesting.ts'
import { preludeSource } from './isolate/bundle.ts'
import type { ChildSpec } from './isolate/child.ts'
import { loadScript } from './script/load.ts'
import { StackMapper } from './script/stack.ts'
import { ScriptLog } from './script-log.ts'
import { EngineCounters, type EngineStats } from './stats.ts'
import { type Address, encodeRequest, MAX_NAME_LENGTH, ROUTES, type Route } from './wire/request.ts'
import { createVerdictArea, type LogLine, type Outcome } from './wire/verdict.ts'

/** A batch beyond this many bytes gains nothing any more. */
const MAX_BATCH_BYTES = 262_144
const NOWHERE: Address = ['0.0.0.0', 0]

export interface ExecOptions {
  /** By default REQUEST_ROUTE for requests and ONREPLY_ROUTE for replies. */
  route?: Route
  /** Where the message came from: IP address as text, port. */
  src?: Address
  /** Where it came in. */
  dst?: Address
  /** Second argument of the method; absent, the method gets one argument only. */
  extraArgs?: string
}

/**
 * Loads the script and starts all children side by side.
 *
 * @throws SipletError ERR_SIPLET_CONFIG, one of loadScript's, or, naming rank and cause, ERR_SIPLET_SCRIPT_LOAD,
 *   ERR_SIPLET_MOD_INIT, ERR_SIPLET_CHILD_INIT; nothing is left running then
 */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  const config = parseConfig(options)
  const [script, prelude] = await Promise.all([loadScript(config.scriptName), preludeSource()])
  const nesting = new Nesting()
  const functions = new Functions(config.functions, config.limits.callFunctionTimeoutMs, nesting)
  const children = Array.from({ length: config.children }, (_, index): Child => {
    const spec: ChildSpec = {
      rank: index + 1,
      prelude,
      script,
      modInitFunction: config.modInitFunction,
      childInitMethod: config.childInitMethod,
      limits: config.limits,
      area: createVerdictArea(config.limits.maxResultBytes),
    }
    return config.isolation === 'inline'
      ? new InlineChild(spec, functions)
      : new ThreadChild(spec, functions, config.limits.callFunctionTimeoutMs)
  })
  const engine = new Engine(config, children, new StackMapper(script), nesting)
  await engine.start()
  return engine
}

export class Engine {
  readonly #config: EngineConfig
  readonly #queues: readonly ChildQueue[]
  readonly #stacks: StackMapper
  readonly #nesting: Nesting
  readonly #log: ScriptLog
  readonly #counters = new EngineCounters()
  #methods: readonly string[] = []
  #waiting = 0
  #closing: Promise<void> | undefined

  /** Use {@link createEngine}. */
  constructor(config: EngineConfig, children: readonly Child[], stacks: StackMapper, nesting: Nesting) {
    this.#config = config
    this.#stacks = stacks
    this.#nesting = nesting
    this.#log = new ScriptLog(
      config.logger ?? pino({ name: 'siplet', level: 'warn' }, pino.destination({ fd: 2, sync: true })),
    )
    const events: QueueEvents = {
      ended: (exec, outcome, rank, us) => this.#ended(exec, outcome, rank, us),
      broke: (exec, ending, logs, rank, us) => this.#broke(exec, ending, logs, rank, us),
      refused: (exec, failure, rank) =>
        this.#answer(exec, failed(exec, this.#startError(failure, rank), rank)),
      started: (logs, rank) => this.#log.lines(logs, rank),
    }
    const limits = { maxBatch: config.limits.maxBatch, maxBatchBytes: MAX_BATCH_BYTES }
    this.#queues = children.map((child) => new ChildQueue(child, limits, events))
  }

  /** Called by createEngine, once. */
  async start(): Promise<void> {
    const results = await Promise.all(this.#queues.map((queue) => queue.start()))
    for (let i = 0; i < results.length; i++) {
      const result = results[i]!
      if (result.ok) this.#methods = result.methods
      else {
        await this.close()
        throw this.#startError(result, i + 1)
      }
    }
  }

  /** Names of the methods of the object that mod_init returned, in order of definition. */
  get methods(): readonly string[] {
    return this.#methods
  }

  /**
   * Runs a method of the script on a message. Never rejects for what a script or a message does: the result's
   * `error` tells.
   *
   * @param message the bytes of one SIP message; a string is taken as UTF-8
   * @throws SipletError ERR_SIPLET_ARGUMENT where an argument is of the wrong type
   */
  exec(method: string, message: Uint8Array | string, options: ExecOptions = {}): Promise<ExecResult> {
    return new Promise((resolve) => {
      const exec = this.#prepare(method, message, options, resolve)
      if (exec === undefined) return
      const queue = this.#route(exec)
      if (queue !== undefined) queue.push(exec)
    })
  }

  /**
   * The same on the calling thread, without an event loop in between: the lowest latency there is. For isolation
   * `inline`; functions that the script calls must answer synchronously.
   *
   * @throws SipletError ERR_SIPLET_ARGUMENT; ERR_SIPLET_SYNC where isolation is not `inline`, or the child of this
   *   message is busy with execs made by `exec`
   */
  execSync(method: string, message: Uint8Array | string, options: ExecOptions = {}): ExecResult {
    if (this.#config.isolation !== 'inline') {
      throw new SipletError(
        'ERR_SIPLET_SYNC',
        `execSync needs isolation 'inline'; this engine has '${this.#config.isolation}': use exec`,
      )
    }
    let answered: ExecResult | undefined
    const exec = this.#prepare(method, message, options, (result) => {
      answered = result
    })
    if (exec !== undefined) {
      const queue = this.#route(exec)
      if (queue !== undefined && !queue.runSync(exec)) {
        this.#waiting--
        throw new SipletError(
          'ERR_SIPLET_SYNC',
          `execSync: child ${queue.child.rank} is busy with execs made by exec(); await them first`,
        )
      }
    }
    return answered!
  }

  /** Counters since the start, and the state of every child. */
  stats(): EngineStats {
    return this.#counters.stats(this.#queues.map((queue) => queue.stats))
  }

  /** Answers what was accepted, refuses what comes, then ends all children. Safe to call twice. */
  close(): Promise<void> {
    this.#closing ??= Promise.resolve()
      .then(() => Promise.all(this.#queues.map((queue) => queue.idle())))
      .then(() => Promise.all(this.#queues.map((queue) => queue.child.close())))
      .then(() => {})
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Undefined where the exec is answered already: it does not get as far as a child. */
  #prepare(
    method: string,
    source: Uint8Array | string,
    options: ExecOptions,
    answer: (result: ExecResult) => void,
  ): PendingExec | undefined {
    const methodText = checkedMethod(method)
    const bytes = checkedBytes(source)
    const refuse = (code: ErrorCode, message: string): undefined => {
      const error = new SipletError(code, message)
      this.#counters.refused(code)
      answer(new ExecResult(bytes, { ...UNDECIDED, error }, 0, 0))
    }
    if (this.#closing !== undefined) return refuse('ERR_SIPLET_CLOSED', 'the engine is closed')
    const { maxQueue } = this.#config.limits
    if (this.#waiting >= maxQueue) {
      return refuse(
        'ERR_SIPLET_OVERLOAD',
        `${this.#waiting} execs wait already (limits.maxQueue is ${maxQueue})`,
      )
    }
    const text = toText(bytes)
    let message: SIPMessage
    try {
      message = new SIPMessage(text)
    } catch (error) {
      if (!(error instanceof SIPMessageError)) throw error
      return refuse('ERR_SIPLET_NOT_SIP', error.message)
    }
    const route = options.route ?? (message.isRequest ? 'REQUEST_ROUTE' : 'ONREPLY_ROUTE')
    const routeIndex = ROUTES.indexOf(route)
    if (routeIndex === -1) throw argument('route', `one of ${ROUTES.join(', ')}`, route)
    const src = checkedAddress('src', options.src)
    const dst = checkedAddress('dst', options.dst)
    const extra = options.extraArgs
    if (extra !== undefined && typeof extra !== 'string') throw argument('extraArgs', 'a string', extra)
    const record = encodeRequest({
      route: routeIndex,
      method: methodText,
      srcIp: src[0],
      srcPort: src[1],
      dstIp: dst[0],
      dstPort: dst[1],
      extra: extra === undefined ? null : encodeUtf8(extra),
      message: text,
    })
    this.#waiting++
    return { method, bytes, message, route, src, dst, record, answer }
  }

  /** Undefined where no child could ever answer; the exec is answered with that then. */
  #route(exec: PendingExec): ChildQueue | undefined {
    const queues = this.#queues
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
    // With one child there is nothing to find out.
    return this.#queues.length === 1 ? this.#queues[0]! : byCallId(this.#queues, exec.message.callId)
  }

  #ended(exec: PendingExec, outcome: Outcome, rank: number, us: number): void {
    this.#log.lines(outcome.logs, rank, exec)
    if (outcome.error === null) {
      this.#answer(exec, new ExecResult(exec.bytes, outcome as Outcome & { error: null }, rank, us))
      return
    }
    const { code, message, stack } = outcome.error
    const error = new SipletError(code, message, {
      rank,
      stack: this.#stacks.map(stack) || `${code}: ${message}`,
    })
    this.#log.error(error, rank, exec)
    this.#answer(exec, new ExecResult(exec.bytes, { ...outcome, error }, rank, us))
  }

  #broke(exec: PendingExec, ending: Ending, logs: readonly LogLine[], rank: number, us: number): void {
    const { timeoutMs, memoryMb } = this.#config.limits
    const [code, message] = {
      timeout: ['ERR_SIPLET_TIMEOUT', `${exec.method}() ran longer than limits.timeoutMs (${timeoutMs} ms)`],
      memory: ['ERR_SIPLET_MEMORY', `${exec.method}() reached limits.memoryMb (${memoryMb} MiB)`],
      lost: ['ERR_SIPLET_CHILD_LOST', `child ${rank} ended while ${exec.method}() ran`],
    }[ending] as [ErrorCode, string]
    const error = new SipletError(code, `${message}; the child was rebuilt`, {
      rank,
      stack: `${code}: ${message}`,
    })
    this.#log.lines(logs, rank, exec)
    this.#log.error(error, rank, exec)
    this.#answer(exec, failed(exec, error, rank, us, logs))
  }

  #answer(exec: PendingExec, result: ExecResult): void {
    this.#waiting--
    this.#counters.answered(result)
    exec.answer(result)
  }

  #startError({ code, message, stack }: StartFailure, rank: number): SipletError {
    const mapped = this.#stacks.map(stack)
    return new SipletError(code, `child ${rank}: ${message}${firstPlace(mapped)}`, {
      rank,
      ...(mapped && { stack: mapped }),
    })
  }
}

const UNDECIDED = { code: -1, dstUri: null, splices: [], logs: [] as readonly LogLine[] }

function failed(
  exec: PendingExec,
  error: SipletError,
  rank: number,
  us = 0,
  logs: readonly LogLine[] = UNDECIDED.logs,
): ExecResult {
  return new ExecResult(exec.bytes, { ...UNDECIDED, logs, error }, rank, us)
}

/** Where a stack begins, for a message that stands alone. */
function firstPlace(stack: string): string {
  const place = /^\s+at .*?\(?([^\s()]+:\d+:\d+)\)?$/m.exec(stack)?.[1]
  return place === undefined ? '' : ` (at ${place})`
}

function checkedMethod(method: unknown): string {
  if (typeof method !== 'string' || method === '')
    throw argument('method', 'the name of a method of the script', method)
  const text = encodeUtf8(method)
  if (text.length > MAX_NAME_LENGTH) throw argument('method', `at most ${MAX_NAME_LENGTH} bytes long`, method)
  return text
}

function checkedBytes(message: unknown): Uint8Array {
  if (typeof message === 'string') return Buffer.from(message)
  if (message instanceof Uint8Array) return message
  throw argument('message', 'a Buffer, a Uint8Array or a string', message)
}

function checkedAddress(name: string, address: Address | undefined): Address {
  if (address === undefined) return NOWHERE
  const [ip, port] = Array.isArray(address) ? (address as unknown[]) : []
  const valid =
    typeof ip === 'string' &&
    ip.length <= MAX_NAME_LENGTH &&
    /^[\x20-\x7e]*$/.test(ip) &&
    Number.isInteger(port) &&
    (port as number) >= 0 &&
    (port as number) <= 65_535
  if (!valid) throw argument(name, "[ip, port], such as ['192.0.2.1', 5060]", address)
  return address
}

function argument(name: string, expected: string, value: unknown): SipletError {
  return new SipletError(
    'ERR_SIPLET_ARGUMENT',
    `exec: ${name} must be ${expected}, not ${JSON.stringify(value) ?? String(value)}`,
  )
}

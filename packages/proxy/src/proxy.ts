/** createProxy: builds one proxy from sockets, transactions, core and script, starts it and stops it. */
import { setTimeout as delay } from 'node:timers/promises'
import type { SecureContextOptions } from 'node:tls'
import { createEngine, type Engine, escapedJSON, type Logger } from '@siplet/engine'
import { plainHost, type URI } from '@siplet/sipmsg'
import { pino } from 'pino'
import { type Clock, systemClock } from './clock.ts'
import { type ProxyConfig, type ProxyOptions, parseProxyConfig } from './config.ts'
import { BranchIds } from './core/branch-id.ts'
import { Core } from './core/core.ts'
import type { Services } from './core/services.ts'
import { functionTable } from './functions/functions.ts'
import { type FaultInjector, Guard } from './guard.ts'
import { HttpEndpoint } from './http.ts'
import { ProxyLog } from './log.ts'
import { ProxyMetrics } from './metrics.ts'
import { Scripts } from './script/scripts.ts'
import { type Records, systemRecords } from './target/records.ts'
import { RestingTargets } from './target/resting.ts'
import { readTLS } from './tls.ts'
import { TransactionLayer } from './transaction/layer.ts'
import { defaultPort, type Receiver, type TransportName } from './transport/transport.ts'
import { Transports, type TransportsOptions } from './transport/transports.ts'

/** Parts that an embedder or a test may replace. */
export interface ProxyParts {
  logger?: Logger
  clock?: Clock
  /** DNS. */
  records?: Records
  /** For tests: replaces the sockets to listen on. */
  openTransport?: TransportsOptions['open']
  /** For tests of fault handling. */
  injectFault?: FaultInjector
}

/** What a proxy holds at the moment. All numbers are zero if no call is in progress and all timers have run. */
export interface ProxyLoad {
  /** Requests without a final reply. */
  unfinished: number
  /** INVITEs that a CANCEL could end. */
  contexts: number
  /** Script methods that run. */
  scripts: number
  clientTransactions: number
  serverTransactions: number
  /** Bytes that finished transactions keep for retransmissions. */
  keptBytes: number
  connections: number
  /** Connections whose TLS or WebSocket handshake is not finished. They are part of `connections`. */
  handshakes: number
}

const LOG_LINES_PER_SECOND = 100
const DRAIN_POLL_MS = 20

/**
 * Loads the script, opens the sockets and starts serving.
 *
 * @throws ProxyError ERR_SIPLET_PROXY_CONFIG, ERR_SIPLET_PROXY_LISTEN; SipletError of createEngine. Nothing is left
 *   running then.
 */
export async function createProxy(
  options: ProxyOptions | ProxyConfig,
  parts: ProxyParts = {},
): Promise<SIPProxy> {
  const config = isParsed(options) ? options : parseProxyConfig(options)
  const tls = await readTLS(config.tls)
  const proxy = new SIPProxy(config, parts)
  await proxy.start(tls)
  return proxy
}

/** Returns the engine options of a configuration, without the proxy's functions: for checking a script. */
export function engineFor({ script }: ProxyConfig, logger?: Logger): Parameters<typeof createEngine>[0] {
  const { file, root, modInitFunction, childInitMethod, children, isolation, timeoutMs, memoryMb, maxQueue } =
    script
  return {
    scriptName: file,
    ...(root !== undefined && { scriptRoot: root }),
    modInitFunction,
    childInitMethod,
    children,
    isolation,
    limits: { timeoutMs, memoryMb, maxQueue },
    ...(logger && { logger }),
  }
}

export class SIPProxy {
  readonly #config: ProxyConfig
  readonly #logger: Logger
  readonly #log: ProxyLog
  readonly #clock: Clock
  readonly #records: Records
  readonly #resting: RestingTargets
  readonly #metrics: ProxyMetrics
  readonly #transactions: TransactionLayer
  readonly #guard: Guard
  readonly #openTransport: TransportsOptions['open']
  readonly #aliases: ReadonlySet<string>
  #transports!: Transports
  #engine!: Engine
  #core!: Core
  #scripts!: Scripts
  #http: HttpEndpoint | undefined
  #state: 'serving' | 'draining' | 'closed' = 'serving'
  #closing: Promise<void> | undefined

  /** Use {@link createProxy} instead. */
  constructor(
    config: ProxyConfig,
    { logger, clock = systemClock, records = systemRecords(), openTransport, injectFault }: ProxyParts,
  ) {
    this.#config = config
    this.#logger =
      logger ??
      pino(
        { name: 'siplet', level: config.logLevel, hooks: { streamWrite: escapedJSON } },
        pino.destination({ fd: 2, sync: true }),
      )
    this.#log = new ProxyLog(this.#logger, LOG_LINES_PER_SECOND)
    this.#clock = clock
    this.#records = records
    this.#resting = new RestingTargets(clock, config.timers.maxRetryAfterMs)
    this.#openTransport = openTransport
    this.#aliases = new Set(config.alias.map(aliasOf))
    this.#metrics = new ProxyMetrics({
      transactions: () => this.transactions,
      connections: () => this.#transports.connections,
      unfinished: () => this.#core.unfinished,
    })
    this.#guard = new Guard((error, at, callId) => {
      this.#metrics.faulted(at)
      this.#log.fault(error, at, callId)
    }, injectFault)
    this.#transactions = new TransactionLayer(
      clock,
      config.timers,
      () => this.#metrics.retransmitted(),
      this.#guard,
      config.limits.maxKeptBytes,
    )
  }

  /** Called once, by createProxy. */
  async start(tls: SecureContextOptions | undefined): Promise<void> {
    const config = this.#config
    this.#engine = await createEngine({
      ...engineFor(config, this.#logger),
      functions: functionTable({
        isMyself: (host, port) => this.#isMyHost(host, port),
        maxBranches: config.maxBranches,
        hasMethod: (name) => this.#engine.methods.includes(name),
        xlog: (level, text, { request }) => this.#log.xlog(level, text, request),
      }),
    })
    const receiver: Receiver = {
      message: (message, flow) => this.#core.message(message, flow),
      refused: (head, status, flow) => this.#core.refused(head, status, flow),
      dropped: (reason) => this.#core.dropped(reason),
    }
    try {
      const { listen, limits } = config
      this.#transports = await Transports.open(
        { listen, limits, clock: this.#clock, tls, guard: this.#guard, open: this.#openTransport },
        receiver,
      )
      this.#core = new Core(this.#services())
      if (config.http !== undefined) this.#http = await HttpEndpoint.open(config.http, this, this.#guard)
    } catch (error) {
      await this.#transports?.close()
      await this.#engine.close()
      throw error
    }
  }

  /** The open sockets. If port 0 was configured, the port that the system chose. */
  get listening(): { transport: TransportName; ip: string; port: number }[] {
    return this.#transports.all.map(({ name, local: [ip, port] }) => ({ transport: name, ip, port }))
  }

  /** `host:port` of the HTTP endpoint; undefined if there is none. */
  get http(): string | undefined {
    return this.#http?.address
  }

  /** Number of transactions that are not terminated. */
  get transactions(): { client: number; server: number } {
    return this.#transactions.size
  }

  /** What the proxy holds at the moment, for tests and for finding leaks. */
  get load(): ProxyLoad {
    const { client, server } = this.transactions
    return {
      unfinished: this.#core.unfinished,
      contexts: this.#core.contexts,
      scripts: this.#scripts.running,
      clientTransactions: client,
      serverTransactions: server,
      keptBytes: this.#transactions.kept.bytes,
      connections: this.#transports.connections,
      handshakes: this.#transports.handshakes,
    }
  }

  /** The engine, for its events and counters. */
  get engine(): Engine {
    return this.#engine
  }

  /** Returns whether new requests are accepted, and how many children of the script serve them. */
  health(): { status: 'serving' | 'degraded' | 'draining' | 'closed'; children: number; unfinished: number } {
    const { children } = this.#engine.stats()
    const able = children.filter(({ state }) => state !== 'degraded').length
    const status = this.#state === 'serving' && able === 0 ? 'degraded' : this.#state
    return { status, children: able, unfinished: this.#core.unfinished }
  }

  /** Returns the metrics of the proxy and of its engine in the text format of Prometheus. */
  async metrics(): Promise<string> {
    return `${await this.#metrics.text()}\n${await this.#engine.metrics()}`
  }

  /** Loads the script again. See Engine.reload. */
  reload(): Promise<void> {
    return this.#engine.reload()
  }

  /**
   * Refuses new requests, waits up to drainTimeoutMs for requests in progress, then stops. May be called more than
   * once.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    this.#state = 'draining'
    this.#core.drain()
    const end = performance.now() + this.#config.drainTimeoutMs
    while (this.#core.unfinished > 0 && performance.now() < end) await delay(DRAIN_POLL_MS)
    this.#state = 'closed'
    this.#transactions.close()
    this.#core.close()
    this.#resting.close()
    await this.#transports.close()
    await this.#http?.close()
    await this.#engine.close()
  }

  #services(): Services {
    const { script, onScriptError, routes, recordRoute } = this.#config
    this.#scripts = new Scripts({
      guard: this.#guard,
      engine: this.#engine,
      sync: script.isolation === 'inline',
      onScriptError,
      routes,
      recordRoute,
      failed: (route) => this.#metrics.scriptFailed(route),
      damaged: (route, header, { callId }) => this.#log.damaged(route, header, callId),
    })
    return {
      config: this.#config,
      clock: this.#clock,
      guard: this.#guard,
      transports: this.#transports,
      transactions: this.#transactions,
      records: this.#records,
      branchIds: new BranchIds(),
      resting: this.#resting,
      scripts: this.#scripts,
      metrics: this.#metrics,
      log: this.#log,
      isMyself: (uri) => this.#isMyself(uri),
    }
  }

  #isMyself({ scheme, host, port, parameters }: URI): boolean {
    const transport = (parameters.get('transport')?.toLowerCase() ??
      (scheme === 'sips' ? 'tls' : 'udp')) as TransportName
    // A request with maddr is sent there, whatever the host says (RFC 3263 section 4).
    return this.#isMyHost(parameters.get('maddr') || host, port ?? defaultPort(transport) ?? 5060)
  }

  /** If `port` is null, any port matches. */
  #isMyHost(name: string, port: number | null): boolean {
    const host = plainHost(name)
    if (this.#aliases.has(host) || (port !== null && this.#aliases.has(`${host}:${port}`))) return true
    return this.#transports.isOurs(host, port)
  }
}

/** Tells parsed options from unparsed ones: parseProxyConfig turns listen addresses into objects. */
function isParsed(options: ProxyOptions | ProxyConfig): options is ProxyConfig {
  return typeof options.listen[0] === 'object'
}

/** Returns an alias, with or without a port, in the form in which hosts are compared. */
function aliasOf(alias: string): string {
  const [, host, port] = /^(\[[^\]]*\]|[^:]*)(:\d+)?$/.exec(alias) ?? []
  return host === undefined ? plainHost(alias) : `${plainHost(host)}${port ?? ''}`
}

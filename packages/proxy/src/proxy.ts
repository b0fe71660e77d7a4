/** createProxy: sockets, transactions, core and script of one proxy, and its life. */
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

/** What an embedder, or a test, may bring of its own. */
export interface ProxyParts {
  logger?: Logger
  clock?: Clock
  /** DNS. */
  records?: Records
  /** For tests: opens what is listened on, in place of sockets. */
  openTransport?: TransportsOptions['open']
  /** For tests of what becomes of faults. */
  injectFault?: FaultInjector
}

/** What a proxy holds at the moment. All of it is zero when no call is under way and its timers are through. */
export interface ProxyLoad {
  /** Requests that are not answered yet. */
  unfinished: number
  /** INVITEs that a CANCEL could end. */
  contexts: number
  /** Methods of the script that run. */
  scripts: number
  clientTransactions: number
  serverTransactions: number
  /** Bytes that finished transactions keep for retransmissions. */
  keptBytes: number
  connections: number
  /** Those of them whose TLS or WebSocket handshake is not finished. */
  handshakes: number
}

const LOG_LINES_PER_SECOND = 100
const DRAIN_POLL_MS = 20

/**
 * Loads the script, opens the sockets and serves.
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

/** The engine that a configuration describes, without functions of a proxy around it: to check a script. */
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

  /** Use {@link createProxy}. */
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

  /** Called by createProxy, once. */
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

  /** The sockets as they are open, with the ports that were free where 0 was asked for. */
  get listening(): { transport: TransportName; ip: string; port: number }[] {
    return this.#transports.all.map(({ name, local: [ip, port] }) => ({ transport: name, ip, port }))
  }

  /** `host:port` of the HTTP endpoint; undefined without one. */
  get http(): string | undefined {
    return this.#http?.address
  }

  /** Transactions that are not terminated. */
  get transactions(): { client: number; server: number } {
    return this.#transactions.size
  }

  /** What it holds at the moment: for tests, and for whoever looks for a leak. */
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

  /** Whether new requests are served, and by how many children of the script. */
  health(): { status: 'serving' | 'degraded' | 'draining' | 'closed'; children: number; unfinished: number } {
    const { children } = this.#engine.stats()
    const able = children.filter(({ state }) => state !== 'degraded').length
    const status = this.#state === 'serving' && able === 0 ? 'degraded' : this.#state
    return { status, children: able, unfinished: this.#core.unfinished }
  }

  /** Metrics of the proxy and of its engine in the text format of Prometheus. */
  async metrics(): Promise<string> {
    return `${await this.#metrics.text()}\n${await this.#engine.metrics()}`
  }

  /** Loads the script anew; see Engine.reload. */
  reload(): Promise<void> {
    return this.#engine.reload()
  }

  /**
   * Refuses new requests, waits until what is under way is answered, at most drainTimeoutMs, then ends. Safe to call
   * twice.
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
    // A request with maddr goes there, whatever the host is (RFC 3263 section 4).
    return this.#isMyHost(parameters.get('maddr') || host, port ?? defaultPort(transport) ?? 5060)
  }

  /** Without a port, on any. */
  #isMyHost(name: string, port: number | null): boolean {
    const host = plainHost(name)
    if (this.#aliases.has(host) || (port !== null && this.#aliases.has(`${host}:${port}`))) return true
    return this.#transports.isOurs(host, port)
  }
}

/** parseProxyConfig makes objects of the addresses to listen on. */
function isParsed(options: ProxyOptions | ProxyConfig): options is ProxyConfig {
  return typeof options.listen[0] === 'object'
}

/** An alias, with or without a port, in the form in which hosts are compared. */
function aliasOf(alias: string): string {
  const [, host, port] = /^(\[[^\]]*\]|[^:]*)(:\d+)?$/.exec(alias) ?? []
  return host === undefined ? plainHost(alias) : `${plainHost(host)}${port ?? ''}`
}

/** The inspector session of one isolate. An isolate has exactly one session, used by one debugger after another. */
import ivm from 'isolated-vm'
import { SCRIPT_REALM_NAME } from '../isolate/inside/script-realm.ts'

/** A connected debugger. */
export interface DebuggerClient {
  send(message: string): void
}

/** The parts of a Chrome DevTools Protocol message that are read here. */
interface ProtocolMessage {
  id?: number
  method?: string
  params?: ProtocolParams
  result?: { breakpointId?: string }
}

interface ProtocolParams {
  context?: { name?: string }
  scriptId?: string
  url?: string
  callFrames?: { location: { scriptId: string } }[]
  hitBreakpoints?: string[]
  reason?: string
}

/** Domains of V8 that a debugger may have enabled. */
const DOMAINS = ['Debugger', 'Runtime', 'Profiler', 'HeapProfiler', 'Console']
/** The request that debuggers send when the script may begin. */
const RUN = 'Runtime.runIfWaitingForDebugger'
/** A request without side effects. */
const ANY = 'Runtime.getIsolateId'
/** Id of nudges, whose answers are dropped. Debuggers use no negative ids. */
const NUDGE_ID = -1
const NUDGE = JSON.stringify({ id: NUDGE_ID, method: ANY })
const NUDGE_MS = 20

export class DebugSession {
  readonly #isolate: ivm.Isolate
  readonly #session: ivm.InspectorSession
  readonly #ready = Promise.withResolvers<void>()
  /** Ids of requests that V8 has not answered yet. */
  readonly #unanswered = new Set<number>()
  /** Ids of scripts that debuggers have been told about. */
  readonly #scripts = new Set<string>()
  #client: DebuggerClient | undefined
  readonly #scriptUrl: string
  #lastOwnId = NUDGE_ID
  /** Callbacks for the answers to our own requests, which have negative ids. */
  readonly #own = new Map<number, (answer: ProtocolMessage) => void>()
  /** Whether a debugger has let the script begin. */
  #begun = false
  /** Id of our breakpoint at the start of the script, until it is hit. */
  #breakpoint: string | undefined
  #nudging: NodeJS.Timeout | undefined

  /** @param scriptUrl URL of the script that runs in the isolate; a debugger breaks at its first line */
  constructor(isolate: ivm.Isolate, scriptUrl: string) {
    this.#isolate = isolate
    this.#scriptUrl = scriptUrl
    this.#session = openSession(isolate)
    this.#session.onResponse = (id, message) => this.#answered(id, message)
    this.#session.onNotification = (message) => this.#notified(message)
  }

  /** Resolves when a debugger has set its breakpoints and the script may begin. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  /** Connects a debugger. It receives all messages of V8 from now on. */
  connect(client: DebuggerClient): void {
    this.#client = client
  }

  /** Removes everything that the debugger has set. A paused script continues. */
  disconnect(): void {
    this.#client = undefined
    for (const id of this.#unanswered) if (id >= 0) this.#unanswered.delete(id)
    for (const domain of DOMAINS) void this.#request(`${domain}.disable`)
  }

  /**
   * Ends the session. Must complete before the isolate is disposed of, while nothing runs in the isolate. isolated-vm
   * 7 hangs if an isolate with a session is disposed of, and aborts if V8 still sends messages to a session that has
   * ended.
   */
  async close(): Promise<void> {
    if (this.#isolate.isDisposed) return
    this.disconnect()
    await this.#request(ANY)
    this.#session.dispose()
    // The end of the session is queued in the isolate. This call waits until it was processed.
    await this.#isolate.getHeapStatistics()
  }

  /** Forwards a message of the debugger: a Chrome DevTools Protocol request as JSON. Other messages are dropped. */
  dispatch(message: string): void {
    const { id, method } = parsed(message)
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0) return
    this.#send(id, message)
    if (method === RUN) void this.#breakAtStart()
  }

  async #breakAtStart(): Promise<void> {
    if (this.#begun) return
    this.#begun = true
    // Debugger.pause would have no effect: it applies to a thread, and the script runs on another thread.
    const place = { url: this.#scriptUrl, lineNumber: 0, columnNumber: 0 }
    const { result } = await this.#request('Debugger.setBreakpointByUrl', place)
    this.#breakpoint = result?.breakpointId
    this.#ready.resolve()
  }

  #request(method: string, params: object = {}): Promise<ProtocolMessage> {
    const id = --this.#lastOwnId
    return new Promise((resolve) => {
      this.#own.set(id, resolve)
      this.#send(id, JSON.stringify({ id, method, params }))
    })
  }

  /**
   * Sends a message, then a nudge. isolated-vm does not wake a paused isolate for a message that arrives just when
   * the isolate begins to wait. The next message wakes it, and the isolate then handles both.
   */
  #send(id: number, message: string): void {
    this.#unanswered.add(id)
    this.#nudging ??= setInterval(() => this.#session.dispatchProtocolMessage(NUDGE), NUDGE_MS)
    this.#session.dispatchProtocolMessage(message)
  }

  #answered(id: number, message: string): void {
    const wanted = this.#unanswered.delete(id)
    if (this.#unanswered.size === 0) {
      clearInterval(this.#nudging)
      this.#nudging = undefined
    }
    if (!wanted) return
    if (id >= 0) this.#client?.send(message)
    else this.#own.get(id)?.(parsed(message))
    this.#own.delete(id)
  }

  #notified(message: string): void {
    const { method, params = {} } = parsed(message)
    switch (method) {
      case 'Runtime.executionContextCreated':
        // The default context of isolated-vm is always empty. If debuggers knew it, they would evaluate input there.
        if (params.context?.name === 'default') return
        break
      case 'Debugger.scriptParsed':
        if (params.url === SCRIPT_REALM_NAME) {
          this.#skip(params.scriptId!)
          return
        }
        this.#scripts.add(params.scriptId!)
        break
      case 'Debugger.paused':
        this.#client?.send(JSON.stringify({ method, params: this.#paused(params) }))
        return
    }
    this.#client?.send(message)
  }

  /**
   * Makes steps skip our own functions in the script's realm, such as getters of `msg`. V8 forgets this setting when
   * a debugger disables the domain, and announces all scripts again when a debugger enables it.
   */
  #skip(scriptId: string): void {
    void this.#request('Debugger.setBlackboxedRanges', {
      scriptId,
      positions: [{ lineNumber: 0, columnNumber: 0 }],
    })
  }

  /** Removes our own frames and our own breakpoint from a pause event, because the debugger does not know them. */
  #paused(params: ProtocolParams): ProtocolParams {
    const callFrames = params.callFrames!.filter(({ location }) => this.#scripts.has(location.scriptId))
    const breakpointId = this.#breakpoint
    if (breakpointId === undefined || !params.hitBreakpoints?.includes(breakpointId))
      return { ...params, callFrames }
    this.#breakpoint = undefined
    void this.#request('Debugger.removeBreakpoint', { breakpointId })
    const hitBreakpoints = params.hitBreakpoints.filter((hit) => hit !== breakpointId)
    // The reason text that Node uses.
    return { ...params, callFrames, hitBreakpoints, reason: 'Break on start' }
  }
}

/**
 * Opens the session from within the isolate. V8 aborts the process (IsCreationThread) if a session is created from
 * outside of the isolate.
 */
function openSession(isolate: ivm.Isolate): ivm.InspectorSession {
  let session: ivm.InspectorSession | undefined
  const open = new ivm.Callback(() => {
    session = isolate.createInspectorSession()
  })
  // A context without inspector: debuggers do not see code that runs there.
  const context = isolate.createContextSync()
  context.evalClosureSync('$0()', [open])
  context.release()
  return session!
}

function parsed(message: string): ProtocolMessage {
  try {
    return JSON.parse(message) ?? {}
  } catch {
    return {}
  }
}

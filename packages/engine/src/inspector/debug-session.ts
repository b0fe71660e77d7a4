/** V8's inspector of one isolate: its only session, for one debugger after the other. */
import ivm from 'isolated-vm'
import { SCRIPT_REALM_NAME } from '../isolate/inside/script-realm.ts'

/** A debugger, seen from here. */
export interface DebuggerClient {
  send(message: string): void
}

/** What is looked at of a message of the Chrome DevTools Protocol. */
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
/** Debuggers say this when they are ready for the script to begin. */
const RUN = 'Runtime.runIfWaitingForDebugger'
/** A request that changes nothing. */
const ANY = 'Runtime.getIsolateId'
/** Its answer is not waited for. Debuggers use no ids below 0. */
const NUDGE_ID = -1
const NUDGE = JSON.stringify({ id: NUDGE_ID, method: ANY })
const NUDGE_MS = 20

export class DebugSession {
  readonly #isolate: ivm.Isolate
  readonly #session: ivm.InspectorSession
  readonly #ready = Promise.withResolvers<void>()
  /** Ids of requests that V8 has not answered yet. */
  readonly #unanswered = new Set<number>()
  /** Scripts that debuggers were told of. */
  readonly #scripts = new Set<string>()
  #client: DebuggerClient | undefined
  readonly #scriptUrl: string
  #lastOwnId = NUDGE_ID
  /** Who waits for answers to our own requests, whose ids are below 0. */
  readonly #own = new Map<number, (answer: ProtocolMessage) => void>()
  /** Whether a debugger let the script begin. */
  #begun = false
  /** Our breakpoint at the start, until it is hit. */
  #breakpoint: string | undefined
  #nudging: NodeJS.Timeout | undefined

  /** @param scriptUrl name of the script that runs in the isolate; a debugger breaks at its first line */
  constructor(isolate: ivm.Isolate, scriptUrl: string) {
    this.#isolate = isolate
    this.#scriptUrl = scriptUrl
    this.#session = openSession(isolate)
    this.#session.onResponse = (id, message) => this.#answered(id, message)
    this.#session.onNotification = (message) => this.#notified(message)
  }

  /** Resolves when a debugger has set its breakpoints: the script may begin. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  /** Everything V8 says goes to this debugger from now on. */
  connect(client: DebuggerClient): void {
    this.#client = client
  }

  /** Forgets what the debugger set; a paused script goes on. */
  disconnect(): void {
    this.#client = undefined
    for (const id of this.#unanswered) if (id >= 0) this.#unanswered.delete(id)
    for (const domain of DOMAINS) void this.#request(`${domain}.disable`)
  }

  /**
   * To be waited for before the isolate is disposed of, while nothing runs in it. isolated-vm stands still for ever where
   * an isolate with a session is disposed of, and aborts where V8 still has something to say to a session that is gone.
   */
  async close(): Promise<void> {
    if (this.#isolate.isDisposed) return
    this.disconnect()
    await this.#request(ANY)
    this.#session.dispose()
    // Its end waits in the isolate, where it is the next thing to be done.
    await this.#isolate.getHeapStatistics()
  }

  /** A message of the debugger: JSON of a request of the Chrome DevTools Protocol. What is none is dropped. */
  dispatch(message: string): void {
    const { id, method } = parsed(message)
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0) return
    this.#send(id, message)
    if (method === RUN) void this.#breakAtStart()
  }

  async #breakAtStart(): Promise<void> {
    if (this.#begun) return
    this.#begun = true
    // Debugger.pause would be forgotten: it is of a thread, and the script runs on another one.
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
   * isolated-vm does not wake a paused isolate for a message that comes just when it begins to wait. The next message
   * does, and takes all of them along.
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
        // isolated-vm's default context: nothing is ever in it, but debuggers would evaluate there what is typed.
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
   * Steps go over the script's functions of ours, such as getters of `msg`, to the next line of the author. V8 forgets
   * this when a debugger disables the domain, and names all scripts anew when one enables it.
   */
  #skip(scriptId: string): void {
    void this.#request('Debugger.setBlackboxedRanges', {
      scriptId,
      positions: [{ lineNumber: 0, columnNumber: 0 }],
    })
  }

  /** The pause without what the debugger knows nothing of: frames of our own code, our own breakpoint. */
  #paused(params: ProtocolParams): ProtocolParams {
    const callFrames = params.callFrames!.filter(({ location }) => this.#scripts.has(location.scriptId))
    const breakpointId = this.#breakpoint
    if (breakpointId === undefined || !params.hitBreakpoints?.includes(breakpointId))
      return { ...params, callFrames }
    this.#breakpoint = undefined
    void this.#request('Debugger.removeBreakpoint', { breakpointId })
    const hitBreakpoints = params.hitBreakpoints.filter((hit) => hit !== breakpointId)
    // In Node's words.
    return { ...params, callFrames, hitBreakpoints, reason: 'Break on start' }
  }
}

/** V8 ends the process (IsCreationThread) where a session is made from outside of the isolate. */
function openSession(isolate: ivm.Isolate): ivm.InspectorSession {
  let session: ivm.InspectorSession | undefined
  const open = new ivm.Callback(() => {
    session = isolate.createInspectorSession()
  })
  // A context without inspector: a debugger does not see what runs there.
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

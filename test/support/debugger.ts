/** A debugger: a client of the Chrome DevTools Protocol that reads source maps, like DevTools and editors. */
import { once } from 'node:events'
import { SourceMap } from 'node:module'
import { WebSocket } from 'ws'

// biome-ignore lint/suspicious/noExplicitAny: the protocol describes its messages itself
type Json = any

export interface Place {
  /** URL of the source as written. */
  url: string
  /** Counted from 1. */
  line: number
}

export interface Pause {
  reason: string
  hitBreakpoints: string[]
  frames: (Place & { name: string; id: string })[]
}

interface Script {
  id: string
  url: string
  map: SourceMap | undefined
}

export class Debugger {
  readonly scripts = new Map<string, Script>()
  readonly contexts: string[] = []
  /** Resolves when the connection has ended. */
  readonly closed: Promise<unknown>
  readonly #socket: WebSocket
  readonly #answers = new Map<number, (message: Json) => void>()
  readonly #pauses: Pause[] = []
  #paused: ((pause: Pause) => void) | undefined
  #lastId = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
    this.closed = once(socket, 'close')
    socket.on('message', (data) => this.#take(JSON.parse(data.toString())))
  }

  /** Connects, and enables the domains that a debugger needs. */
  static async connect(webSocketUrl: string): Promise<Debugger> {
    const client = new Debugger(new WebSocket(webSocketUrl))
    await once(client.#socket, 'open')
    await client.send('Runtime.enable')
    await client.send('Debugger.enable')
    return client
  }

  /** @throws Error if V8 answers with an error */
  async send(method: string, params: object = {}): Promise<Json> {
    const id = ++this.#lastId
    const answer = new Promise<Json>((resolve) => this.#answers.set(id, resolve))
    this.#socket.send(JSON.stringify({ id, method, params }))
    const { result, error } = await answer
    if (error !== undefined) throw new Error(`${method}: ${error.message}`)
    return result
  }

  /** Starts a script that waits for a debugger. */
  run(): Promise<Json> {
    return this.send('Runtime.runIfWaitingForDebugger')
  }

  resume(): Promise<Json> {
    return this.send('Debugger.resume')
  }

  /** Returns the next pause, or an earlier one that was not read yet. */
  pause(): Promise<Pause> {
    const pause = this.#pauses.shift()
    if (pause !== undefined) return Promise.resolve(pause)
    return new Promise((resolve) => {
      this.#paused = resolve
    })
  }

  /** Returns the value of an expression in the top frame of a pause. */
  async evaluate({ frames }: Pause, expression: string): Promise<unknown> {
    const callFrameId = frames[0]!.id
    const { result } = await this.send('Debugger.evaluateOnCallFrame', { callFrameId, expression })
    return result.value
  }

  /** @returns the id of the breakpoint */
  async breakAt({ url, line }: Place): Promise<string> {
    for (const script of this.scripts.values()) {
      const { scriptSource } = await this.send('Debugger.getScriptSource', { scriptId: script.id })
      const lines: string[] = scriptSource.split('\n')
      for (const [lineNumber, text] of lines.entries()) {
        for (let columnNumber = 0; columnNumber < text.length; columnNumber++) {
          const place = written(script, { lineNumber, columnNumber })
          if (place.url !== url || place.line !== line) continue
          const where = { url: script.url, lineNumber, columnNumber }
          return (await this.send('Debugger.setBreakpointByUrl', where)).breakpointId
        }
      }
    }
    throw new Error(`no script has ${url}:${line}`)
  }

  async close(): Promise<void> {
    this.#socket.close()
    await this.closed
  }

  #take({ id, method, params, ...answer }: Json): void {
    if (id !== undefined) this.#answers.get(id)!(answer)
    else if (method === 'Runtime.executionContextCreated') this.contexts.push(params.context.name)
    else if (method === 'Debugger.scriptParsed') this.scripts.set(params.scriptId, script(params))
    else if (method === 'Debugger.paused') this.#takePause(params)
  }

  #takePause({ reason, hitBreakpoints, callFrames }: Json): void {
    const frames = callFrames.map(({ functionName: name, callFrameId: id, location }: Json) => ({
      ...written(this.scripts.get(location.scriptId)!, location),
      name,
      id,
    }))
    const pause = { reason, hitBreakpoints, frames }
    const paused = this.#paused
    this.#paused = undefined
    if (paused === undefined) this.#pauses.push(pause)
    else paused(pause)
  }
}

function script({ scriptId: id, url, sourceMapURL }: Json): Script {
  const [, data] = /^data:application\/json;.*base64,(.*)$/.exec(sourceMapURL) ?? []
  const map =
    data === undefined ? undefined : new SourceMap(JSON.parse(Buffer.from(data, 'base64').toString()))
  return { id, url, map }
}

/** Returns the place in the source as written. */
function written({ url, map }: Script, location: { lineNumber: number; columnNumber: number }): Place {
  const entry = map?.findEntry(location.lineNumber, location.columnNumber)
  if (entry === undefined || !('originalSource' in entry)) return { url, line: location.lineNumber + 1 }
  return { url: entry.originalSource, line: entry.originalLine + 1 }
}

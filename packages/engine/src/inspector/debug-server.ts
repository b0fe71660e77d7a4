/** The server that debuggers connect to: the same HTTP endpoints as Node's inspector, and one WebSocket. */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, isIP } from 'node:net'
import { basename } from 'node:path'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { DebugSession } from './debug-session.ts'

const MAX_MESSAGE_BYTES = 256 << 20
/** Time that a debugger has for its closing handshake, in milliseconds. */
const CLOSE_MS = 1_000

export class DebugServer {
  /** URL of the script. Debuggers show it as the target. */
  scriptUrl = ''
  readonly #id = randomUUID()
  readonly #http: Server
  readonly #webSockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES })
  #session: DebugSession | undefined
  #socket: WebSocket | undefined

  constructor() {
    this.#http = createServer((request, response) => this.#serve(request, response))
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
  }

  /**
   * @param port 0 selects any free port
   * @throws Error of Node, such as EADDRINUSE
   */
  async listen(host: string, port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#http.once('error', reject).listen(port, host, resolve)
    })
  }

  /** URL that a debugger connects to. */
  get webSocketUrl(): string {
    const { address, port, family } = this.#http.address() as AddressInfo
    return `ws://${family === 'IPv6' ? `[${address}]` : address}:${port}/${this.#id}`
  }

  /**
   * Sets the isolate that debuggers reach from now on. A debugger connected to another isolate is disconnected and
   * must connect again.
   */
  use(session: DebugSession): void {
    this.#drop()
    this.#session = session
  }

  /** Removes an isolate that is about to end. */
  forget(session: DebugSession): void {
    if (this.#session !== session) return
    this.#drop()
    this.#session = undefined
  }

  async close(): Promise<void> {
    this.#drop()
    const lingering = setTimeout(() => {
      for (const socket of this.#webSockets.clients) socket.terminate()
    }, CLOSE_MS)
    await new Promise((resolve) => {
      this.#http.close(resolve)
      this.#http.closeIdleConnections()
    })
    clearTimeout(lingering)
  }

  #drop(): void {
    if (this.#socket === undefined) return
    this.#socket.close(GOING_AWAY, 'the isolate ended')
    this.#socket = undefined
    this.#session?.disconnect()
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    if (!isLocalName(request.headers.host)) refuse(response, 400, HOST_REFUSED)
    else if (PATHS.list.includes(path(request))) answer(response, [this.#description()])
    else if (path(request) === PATHS.version) answer(response, VERSION)
    else refuse(response, 404, `There are ${PATHS.list.join(', ')} and ${PATHS.version}.`)
  }

  /** Describes the target in the format of Node's inspector. */
  #description(): object {
    const { webSocketUrl } = this
    const frontend = (page: string) =>
      `devtools://devtools/bundled/${page}.html?experiments=true&v8only=true&ws=${webSocketUrl.slice('ws://'.length)}`
    return {
      description: 'siplet child',
      devtoolsFrontendUrl: frontend('js_app'),
      devtoolsFrontendUrlCompat: frontend('inspector'),
      faviconUrl: 'https://nodejs.org/static/images/favicons/favicon.ico',
      id: this.#id,
      title: basename(decodeURIComponent(new URL(this.scriptUrl).pathname)),
      type: 'node',
      url: this.scriptUrl,
      webSocketDebuggerUrl: webSocketUrl,
    }
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const session = this.#session
    const refusal = !isLocalName(request.headers.host)
      ? '400 Bad Request'
      : path(request) !== `/${this.#id}` || session === undefined
        ? '404 Not Found'
        : this.#socket !== undefined
          ? '409 Conflict'
          : undefined
    if (refusal !== undefined) {
      socket.end(`HTTP/1.1 ${refusal}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
      return
    }
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => this.#connected(webSocket, session!))
  }

  #connected(socket: WebSocket, session: DebugSession): void {
    this.#socket = socket
    session.connect({ send: (message) => socket.send(message) })
    const isCurrent = () => this.#socket === socket
    socket.on('message', (data) => {
      if (isCurrent()) session.dispatch(data.toString())
    })
    // An error of a connection closes it, too; `close` handles that.
    socket.on('error', () => {})
    socket.on('close', () => {
      if (!isCurrent()) return
      this.#socket = undefined
      session.disconnect()
    })
  }
}

const PATHS = { list: ['/json', '/json/list'], version: '/json/version' }
const VERSION = { Browser: `node.js/${process.version}`, 'Protocol-Version': '1.1' }
const GOING_AWAY = 1001
const HOST_REFUSED = 'The Host must be an IP address or localhost.'

/**
 * Returns whether a Host header names this machine without DNS. A web page whose host name was made to resolve to
 * this server must not get access (DNS rebinding).
 */
function isLocalName(host = ''): boolean {
  const name = host.replace(/:\d+$/, '')
  return name === 'localhost' || isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0
}

function path({ url = '/' }: IncomingMessage): string {
  return url.replace(/\/$/, '')
}

function answer(response: ServerResponse, value: unknown): void {
  response
    .writeHead(200, { 'Content-Type': 'application/json; charset=UTF-8', 'Cache-Control': 'no-cache' })
    .end(`${JSON.stringify(value, null, 2)}\n\n`)
}

function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=UTF-8' }).end(`${text}\n`)
}

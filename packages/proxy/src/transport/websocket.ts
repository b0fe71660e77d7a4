/** SIP over WebSocket (RFC 7118): one SIP message per WebSocket message. Clients connect; the proxy never does. */
import { isUtf8 } from 'node:buffer'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createTLSServer } from 'node:https'
import { isIP, type Socket } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import type { Address } from '@siplet/engine'
import { frameOf } from '@siplet/sipmsg'
import { type WebSocket, WebSocketServer } from 'ws'
import { ProxyError } from '../errors.ts'
import { Admission, remoteOf, socketOwner } from './admission.ts'
import { Connection } from './connection.ts'
import { type ConnectionPool, flowKey } from './connection-pool.ts'
import { headLimits } from './limits.ts'
import type { ListenAddress } from './listen.ts'
import { listening } from './stream.ts'
import { type Flow, hostPort, type Target, type Transport } from './transport.ts'

/** @throws ProxyError ERR_SIPLET_PROXY_LISTEN */
export async function openWebSocket(
  listen: ListenAddress,
  pool: ConnectionPool,
  tls?: SecureContextOptions,
): Promise<Transport> {
  const server = listen.transport === 'wss' ? createTLSServer(tls ?? {}) : createServer()
  const transport = new WebSockets(server, listen, pool)
  await listening(server, listen)
  return transport
}

class WebSockets implements Transport {
  readonly name: 'ws' | 'wss'
  readonly family: 4 | 6
  readonly #http: Server
  readonly #server: WebSocketServer
  readonly #listen: ListenAddress
  readonly #pool: ConnectionPool
  readonly #admission: Admission
  readonly #connections = new Map<string, Connection>()

  constructor(http: Server, listen: ListenAddress, pool: ConnectionPool) {
    this.name = listen.transport as 'ws' | 'wss'
    this.family = isIP(listen.ip) === 6 ? 6 : 4
    this.#http = http
    this.#listen = listen
    this.#pool = pool
    this.#admission = new Admission(pool)
    const { guard } = pool
    http.on('connection', (socket: Socket) =>
      guard.run('connection', socketOwner(socket), () => this.#admission.admit(socket, true)),
    )
    http.on('request', (_request, response) =>
      guard.run('upgrade-refused', socketOwner(response), () =>
        response.writeHead(426, { Upgrade: 'websocket' }).end(),
      ),
    )
    this.#server = new WebSocketServer({
      server: http,
      maxPayload: headLimits(pool.limits).maxReplyHeadBytes + pool.limits.maxBodyBytes,
      // A handshake without the subprotocol `sip` is not for this server (section 4.1).
      verifyClient: ({ req }: { req: IncomingMessage }) => this.#isForUs(req),
      handleProtocols: (protocols) => [...protocols].find((name) => name.toLowerCase() === 'sip') ?? false,
      // Pongs are sent by our own code: a peer that sends pings and reads nothing would fill the memory with pongs.
      autoPong: false,
    })
    this.#server.on('connection', (socket, request) =>
      guard.run('websocket', { callId: null, abandon: () => socket.terminate() }, () =>
        this.#serve(socket, remoteOf(request.socket)),
      ),
    )
    // For example, too many open files. The server continues to listen.
    this.#server.on('error', () => guard.run('server-error', null, () => {}))
  }

  get local(): Address {
    const bound = this.#http.address()
    return [this.#listen.ip, typeof bound === 'object' && bound !== null ? bound.port : this.#listen.port]
  }

  get sentBy(): string {
    return this.#listen.sentBy(this.local[1])
  }

  get connections(): number {
    return this.#connections.size
  }

  get handshakes(): number {
    return this.#admission.handshakes
  }

  openFlow({ ip, port }: Target): Flow | undefined {
    return this.#connections.get(flowKey(ip, port))
  }

  flowTo(target: Target): Flow {
    return this.openFlow(target) ?? new Gone(this, [target.ip, target.port])
  }

  async close(): Promise<void> {
    this.#server.close()
    const closed = new Promise((resolve) => this.#http.close(resolve))
    for (const connection of this.#connections.values()) connection.end('the proxy ends')
    this.#http.closeAllConnections()
    await closed
  }

  #isForUs(request: IncomingMessage): boolean {
    let found = false
    this.#pool.guard.run('upgrade', socketOwner(request.socket), () => {
      const protocols = String(request.headers['sec-websocket-protocol'] ?? '')
      found = protocols.split(',').some((name) => name.trim().toLowerCase() === 'sip')
    })
    return found
  }

  #serve(socket: WebSocket, remote: Address): void {
    const key = flowKey(...remote)
    const { local, sentBy, name: transport } = this
    const { guard, limits } = this.#pool
    this.#admission.finished(remote)
    const closed = (gone: Connection) => {
      if (this.#connections.get(key) === gone) this.#connections.delete(key)
    }
    const wire = {
      get bufferedBytes() {
        return socket.bufferedAmount
      },
      write: (text: string, done: (error?: Error | null) => void) => {
        const bytes = Buffer.from(text, 'latin1')
        socket.send(bytes, { binary: !isUtf8(bytes) }, done)
      },
      end: () => socket.close(),
    }
    const destroy = () => socket.terminate()
    const connection = new Connection(
      { ...this.#pool, transport, local, remote, sentBy, destroy, closed },
      wire,
    )
    this.#connections.set(key, connection)
    socket.on('message', (data: Buffer) =>
      guard.run('websocket-data', connection, () =>
        connection.received([frameOf(data, headLimits(limits))], false),
      ),
    )
    socket.on('ping', (data: Buffer) =>
      guard.run('websocket-data', connection, () => connection.pinged(() => socket.pong(data))),
    )
    socket.on('error', (error) =>
      guard.run('websocket-error', connection, () => connection.end(error.message)),
    )
    socket.on('close', () =>
      guard.run('websocket-closed', connection, () => connection.end('the peer closed it')),
    )
  }
}

/** The flow to a WebSocket client that is gone. The proxy cannot connect to it. */
class Gone implements Flow {
  readonly open = false
  readonly remote: Address
  readonly #of: WebSockets

  constructor(of: WebSockets, remote: Address) {
    this.#of = of
    this.remote = remote
  }

  get transport() {
    return this.#of.name
  }

  get local(): Address {
    return this.#of.local
  }

  get sentBy(): string {
    return this.#of.sentBy
  }

  send(_text: string, failed: (error: ProxyError) => void): void {
    const text = `no WebSocket from ${hostPort(...this.remote)} is open, and clients cannot be connected to`
    failed(new ProxyError('ERR_SIPLET_PROXY_SEND', text))
  }
}

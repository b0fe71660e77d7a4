/** TCP and TLS (RFC 3261 section 18): messages framed by Content-Length, connections reused (RFC 5923). */
import { once } from 'node:events'
import { connect, createServer, isIP, type Server, type Socket } from 'node:net'
import { connect as connectTLS, createServer as createTLSServer, type SecureContextOptions } from 'node:tls'
import type { Address } from '@siplet/engine'
import { StreamFramer } from '@siplet/sipmsg'
import { cannotListen } from '../errors.ts'
import { Connection, type Wire } from './connection.ts'
import { type ConnectionPool, flowKey } from './connection-pool.ts'
import type { ListenAddress } from './listen.ts'
import { type Flow, plainIP, type Target, type Transport } from './transport.ts'

/** @throws ProxyError ERR_SIPLET_PROXY_LISTEN */
export async function openStream(
  listen: ListenAddress,
  pool: ConnectionPool,
  tls?: SecureContextOptions,
): Promise<Transport> {
  const server = listen.transport === 'tls' ? createTLSServer(tls ?? {}) : createServer({ noDelay: true })
  const stream = new Stream(server, listen, pool, tls)
  await listening(server, listen)
  return stream
}

/** Resolves when the server listens there. */
export async function listening(server: Server, listen: ListenAddress): Promise<void> {
  server.listen({ host: listen.ip, port: listen.port, ipv6Only: isIP(listen.ip) === 6 })
  try {
    await once(server, 'listening')
  } catch (error) {
    throw cannotListen(listen.text, error as Error)
  }
}

class Stream implements Transport {
  readonly name: 'tcp' | 'tls'
  readonly family: 4 | 6
  readonly #server: Server
  readonly #listen: ListenAddress
  readonly #pool: ConnectionPool
  readonly #tls: SecureContextOptions | undefined
  readonly #connections = new Map<string, Connection>()

  constructor(
    server: Server,
    listen: ListenAddress,
    pool: ConnectionPool,
    tls: SecureContextOptions | undefined,
  ) {
    this.name = listen.transport as 'tcp' | 'tls'
    this.family = isIP(listen.ip) === 6 ? 6 : 4
    this.#server = server
    this.#listen = listen
    this.#pool = pool
    this.#tls = tls
    // A TLS server counts raw connections: a peer that never finishes its handshake has one, too.
    server.on('connection', (socket: Socket) => this.#admit(socket))
    if (this.name === 'tls') {
      server.on('secureConnection', (socket: Socket) => this.#serve(socket))
      server.on('tlsClientError', (_error, socket: Socket) => socket.destroy())
    }
    server.on('error', () => {})
  }

  get local(): Address {
    const bound = this.#server.address()
    return [this.#listen.ip, typeof bound === 'object' && bound !== null ? bound.port : this.#listen.port]
  }

  get sentBy(): string {
    return this.#listen.sentBy(this.local[1])
  }

  get connections(): number {
    return this.#connections.size
  }

  flowTo(target: Target): Flow {
    return this.#connections.get(flowKey(target.ip, target.port)) ?? this.#connect(target)
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    for (const connection of this.#connections.values()) connection.end('the proxy ends')
    await closed
  }

  #admit(socket: Socket): void {
    const ip = plainIP(socket.remoteAddress ?? '')
    if (!this.#pool.count.accept(ip)) {
      this.#pool.receiver.dropped('too-many-connections', [ip, socket.remotePort ?? 0])
      socket.destroy()
      return
    }
    socket.once('close', () => this.#pool.count.remove(ip))
    socket.on('error', () => socket.destroy())
    if (this.name === 'tcp') this.#serve(socket)
    else socket.setTimeout(this.#pool.limits.connectTimeoutMs, () => socket.destroy())
  }

  #serve(socket: Socket): void {
    if (this.name === 'tls') socket.setTimeout(0)
    const remote: Address = [plainIP(socket.remoteAddress ?? ''), socket.remotePort ?? 0]
    this.#follow(this.#add(remote, wireOf(socket)), socket)
  }

  #connect(target: Target): Connection {
    const { ip: host, port } = target
    // From the address that is listened on, so that a peer sees the proxy it knows.
    const from = { host, port, localAddress: this.#listen.ip, noDelay: true }
    const socket =
      this.name === 'tcp'
        ? connect(from)
        : connectTLS({
            ...from,
            ...this.#tls,
            ...(isIP(target.host ?? host) === 0 && { servername: target.host }),
          })
    this.#pool.count.add(host)
    const connection = this.#add([host, port])
    const stop = this.#pool.clock.after(this.#pool.limits.connectTimeoutMs, () =>
      connection.end('connecting timed out'),
    )
    socket.once(this.name === 'tcp' ? 'connect' : 'secureConnect', () => {
      stop()
      connection.connected(wireOf(socket))
    })
    socket.once('close', () => {
      stop()
      this.#pool.count.remove(host)
    })
    this.#follow(connection, socket)
    return connection
  }

  #add(remote: Address, wire?: Wire): Connection {
    const key = flowKey(...remote)
    const { local, sentBy, name: transport } = this
    const closed = (gone: Connection) => {
      if (this.#connections.get(key) === gone) this.#connections.delete(key)
    }
    const connection = new Connection({ ...this.#pool, transport, local, remote, sentBy, closed }, wire)
    this.#connections.set(key, connection)
    return connection
  }

  #follow(connection: Connection, socket: Socket): void {
    const { maxHeadBytes, maxBodyBytes } = this.#pool.limits
    const framer = new StreamFramer({ maxHeadBytes, maxBodyBytes })
    socket.on('data', (chunk: Buffer) => connection.received(framer.push(chunk), framer.pendingBytes > 0))
    socket.on('error', (error) => connection.end(error.message))
    socket.on('close', () => connection.end('the peer closed it'))
  }
}

function wireOf(socket: Socket): Wire {
  return {
    get bufferedBytes() {
      return socket.writableLength
    },
    write: (text, done) => socket.write(text, 'latin1', done),
    destroy: () => socket.destroy(),
  }
}

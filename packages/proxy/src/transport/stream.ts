/** TCP and TLS (RFC 3261 section 18): messages are framed by Content-Length, connections are reused (RFC 5923). */
import { once } from 'node:events'
import { connect, createServer, isIP, type Server, type Socket } from 'node:net'
import { connect as connectTLS, createServer as createTLSServer, type SecureContextOptions } from 'node:tls'
import type { Address } from '@siplet/engine'
import { StreamFramer } from '@siplet/sipmsg'
import { cannotListen, ProxyError } from '../errors.ts'
import { Admission, remoteOf, socketOwner } from './admission.ts'
import { Connection, type Wire } from './connection.ts'
import { type ConnectionPool, flowKey } from './connection-pool.ts'
import { headLimits } from './limits.ts'
import type { ListenAddress } from './listen.ts'
import type { Flow, Target, Transport } from './transport.ts'

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

/** Resolves when the server listens at the address. */
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
  readonly #admission: Admission
  readonly #open = new Set<Connection>()
  /** The newest connection of each peer address, whoever opened it. */
  readonly #connections = new Map<string, Connection>()
  /**
   * TLS connections that this proxy opened, by address and by the name for which the certificate was checked. A host
   * may serve several names. A request for one name must not be sent to a peer that proved to be another (RFC 5922
   * section 7.4).
   */
  readonly #verified = new Map<string, Connection>()
  /** Connections that peers opened. They are used for targets given by address, not by name (RFC 5626). */
  readonly #accepted = new Map<string, Connection>()

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
    this.#admission = new Admission(pool)
    const { guard } = pool
    // Count raw connections of a TLS server as well: a peer may never finish its handshake.
    server.on('connection', (socket: Socket) =>
      guard.run('connection', socketOwner(socket), () => this.#connection(socket)),
    )
    if (this.name === 'tls') {
      server.on('secureConnection', (socket: Socket) =>
        guard.run('handshake-done', socketOwner(socket), () => this.#serve(socket)),
      )
      server.on('tlsClientError', (_error, socket: Socket) =>
        guard.run('handshake-failed', socketOwner(socket), () => socket.destroy()),
      )
    }
    // For example, too many open files. The server continues to listen.
    server.on('error', () => guard.run('server-error', null, () => {}))
  }

  get local(): Address {
    const bound = this.#server.address()
    return [this.#listen.ip, typeof bound === 'object' && bound !== null ? bound.port : this.#listen.port]
  }

  get sentBy(): string {
    return this.#listen.sentBy(this.local[1])
  }

  get connections(): number {
    return this.#open.size
  }

  get handshakes(): number {
    return this.#admission.handshakes
  }

  openFlow({ ip, port }: Target): Flow | undefined {
    return this.#connections.get(flowKey(ip, port))
  }

  flowTo(target: Target): Flow {
    if (this.name === 'tcp') return this.openFlow(target) ?? this.#connect(target)
    const verified = verifiedKey(target)
    const accepted = this.#accepted.get(flowKey(target.ip, target.port))
    const open = this.#verified.get(verified) ?? (isIP(nameOf(target)) === 0 ? undefined : accepted)
    return open ?? this.#connect(target, verified)
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    for (const connection of this.#open) connection.end('the proxy ends')
    await closed
  }

  #connection(socket: Socket): void {
    const secure = this.name === 'tls'
    if (this.#admission.admit(socket, secure) && !secure) this.#serve(socket)
  }

  #serve(socket: Socket): void {
    const remote = remoteOf(socket)
    this.#admission.finished(remote)
    const connection = this.#add(remote, socket, wireOf(socket))
    this.#accepted.set(flowKey(...remote), connection)
    this.#follow(connection, socket)
  }

  /**
   * @param verified key in `#verified`, if a name is checked
   * @throws ProxyError ERR_SIPLET_PROXY_SEND if there are too many connections
   */
  #connect(target: Target, verified?: string): Connection {
    const { ip: host, port } = target
    const { count, clock, limits, guard } = this.#pool
    const release = count.add(host)
    if (release === undefined) {
      const text = `${this.name} to ${host} port ${port}: there are ${count.total} connections already`
      throw new ProxyError('ERR_SIPLET_PROXY_SEND', text)
    }
    let socket: Socket
    try {
      socket = this.#socketTo(target)
    } catch (error) {
      release()
      throw error
    }
    const connection = this.#add([host, port], socket, undefined, verified)
    const stop = clock.after(limits.connectTimeoutMs, () =>
      guard.run('connect-timer', connection, () => connection.end('connecting timed out')),
    )
    const connected = () => {
      stop()
      connection.connected(wireOf(socket))
    }
    socket.once(this.name === 'tcp' ? 'connect' : 'secureConnect', () =>
      guard.run('connected', connection, connected),
    )
    const closed = () => {
      stop()
      release()
    }
    socket.once('close', () => guard.run('connection-closed', { callId: null, abandon: closed }, closed))
    this.#follow(connection, socket)
    return connection
  }

  #socketTo(target: Target): Socket {
    const { ip: host, port } = target
    const name = nameOf(target)
    // Connect from the listening address, so that peers see the address of the proxy that they know.
    const from = { host, port, localAddress: this.#listen.ip, noDelay: true }
    if (this.name === 'tcp') return connect(from)
    return connectTLS({ ...from, ...this.#tls, ...(isIP(name) === 0 && { servername: name }) })
  }

  #add(remote: Address, socket: Socket, wire?: Wire, verified?: string): Connection {
    const key = flowKey(...remote)
    const { local, sentBy, name: transport } = this
    const closed = (gone: Connection) => {
      this.#open.delete(gone)
      if (this.#connections.get(key) === gone) this.#connections.delete(key)
      if (this.#accepted.get(key) === gone) this.#accepted.delete(key)
      if (verified !== undefined) this.#verified.delete(verified)
    }
    const destroy = () => socket.destroy()
    const connection = new Connection(
      { ...this.#pool, transport, local, remote, sentBy, destroy, closed },
      wire,
    )
    this.#open.add(connection)
    this.#connections.set(key, connection)
    if (verified !== undefined) this.#verified.set(verified, connection)
    return connection
  }

  #follow(connection: Connection, socket: Socket): void {
    const { limits, guard } = this.#pool
    const framer = new StreamFramer({ ...headLimits(limits), maxBodyBytes: limits.maxBodyBytes })
    socket.on('data', (chunk: Buffer) =>
      guard.run('stream-data', connection, () =>
        connection.received(framer.push(chunk), framer.pendingBytes > 0),
      ),
    )
    socket.on('error', (error) => guard.run('stream-error', connection, () => connection.end(error.message)))
    socket.on('close', () =>
      guard.run('stream-closed', connection, () => connection.end('the peer closed it')),
    )
  }
}

/** Returns the name or address that the certificate of the target must contain. */
function nameOf({ ip, host = ip }: Target): string {
  return host
}

function verifiedKey(target: Target): string {
  return `${flowKey(target.ip, target.port)} ${nameOf(target).toLowerCase()}`
}

function wireOf(socket: Socket): Wire {
  return {
    get bufferedBytes() {
      return socket.writableLength
    },
    write: (text, done) => socket.write(text, 'latin1', done),
    end: () => socket.end(),
  }
}

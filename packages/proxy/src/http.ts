/** Serves GET /metrics for Prometheus, and GET /health, which answers 200 while new requests are accepted. */
import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { cannotListen } from './errors.ts'
import type { Guard } from './guard.ts'
import { hostPort } from './transport/transport.ts'

/** What the endpoint reports about: the proxy. */
export interface Reporting {
  metrics(): Promise<string>
  health(): { status: string }
}

export class HttpEndpoint {
  readonly #server: Server
  readonly #host: string

  /**
   * @param address host:port, with an IPv6 address in brackets
   * @throws ProxyError ERR_SIPLET_PROXY_LISTEN
   */
  static async open(address: string, proxy: Reporting, guard: Guard): Promise<HttpEndpoint> {
    const server = createServer((request, response) => {
      const owner = { callId: null, abandon: () => void response.destroy() }
      guard.run('http-request', owner, () => {
        answer(request.url ?? '/', response, proxy).catch((error) => guard.fail('http-request', owner, error))
      })
    })
    // For example, too many open files. The server continues to listen.
    server.on('error', () => guard.run('server-error', null, () => {}))
    return new HttpEndpoint(server, await listenHttp(server, address))
  }

  private constructor(server: Server, host: string) {
    this.#server = server
    this.#host = host
  }

  get address(): string {
    const bound = this.#server.address()
    return hostPort(this.#host, typeof bound === 'object' && bound !== null ? bound.port : 0)
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }
}

/**
 * Resolves to the host when the server listens at the address.
 *
 * @param address host:port, with an IPv6 address in brackets
 * @throws ProxyError ERR_SIPLET_PROXY_LISTEN
 */
export async function listenHttp(server: Server, address: string): Promise<string> {
  const colon = address.lastIndexOf(':')
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '')
  server.listen(Number(address.slice(colon + 1)), host)
  try {
    await once(server, 'listening')
  } catch (error) {
    throw cannotListen(`http ${address}`, error as Error)
  }
  return host
}

async function answer(url: string, response: ServerResponse, proxy: Reporting): Promise<void> {
  switch (url) {
    case '/metrics':
      response
        .writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' })
        .end(await proxy.metrics())
      return
    case '/health': {
      const health = proxy.health()
      const code = health.status === 'serving' ? 200 : 503
      response.writeHead(code, { 'Content-Type': 'application/json' }).end(JSON.stringify(health))
      return
    }
    default:
      response.writeHead(404).end()
  }
}

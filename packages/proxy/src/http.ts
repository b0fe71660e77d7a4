/** GET /metrics for Prometheus, and GET /health: 200 as long as new requests are served. */
import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { ProxyError } from './errors.ts'
import type { SIPProxy } from './proxy.ts'
import { hostPort } from './transport/transport.ts'

export class HttpEndpoint {
  readonly #server: Server
  readonly #host: string

  /**
   * @param address host:port, an IPv6 address in brackets
   * @throws ProxyError ERR_SIPLET_PROXY_LISTEN
   */
  static async open(address: string, proxy: SIPProxy): Promise<HttpEndpoint> {
    const colon = address.lastIndexOf(':')
    const host = address.slice(0, colon).replace(/^\[|\]$/g, '')
    const server = createServer((request, response) => {
      answer(request.url ?? '/', response, proxy).catch(() => response.destroy())
    })
    server.listen(Number(address.slice(colon + 1)), host)
    try {
      await once(server, 'listening')
    } catch (error) {
      const reason = (error as Error).message
      throw new ProxyError('ERR_SIPLET_PROXY_LISTEN', `cannot listen on http ${address}: ${reason}`)
    }
    return new HttpEndpoint(server, host)
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

async function answer(url: string, response: ServerResponse, proxy: SIPProxy): Promise<void> {
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

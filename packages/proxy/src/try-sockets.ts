import { createServer } from 'node:http'
import { systemClock } from './clock.ts'
import type { ProxyConfig } from './config.ts'
import { ProxyError } from './errors.ts'
import { listenHttp } from './http.ts'
import { readTLS } from './tls.ts'
import { Transports } from './transport/transports.ts'

/**
 * Opens every socket of a configuration at the same time, and closes them again. A message that arrives meanwhile is
 * lost, and the client sends it again.
 *
 * @returns one ERR_SIPLET_PROXY_LISTEN for each socket that cannot be opened, with the error of the system as its cause
 * @throws ProxyError ERR_SIPLET_PROXY_CONFIG if certificate or key cannot be read
 */
export async function trySockets({ listen, limits, tls, http }: ProxyConfig): Promise<ProxyError[]> {
  const shared = { limits, clock: systemClock, tls: await readTLS(tls) }
  const opening: Promise<{ close(): unknown }>[] = listen.map((address) =>
    Transports.open({ ...shared, listen: [address] }, { message() {}, refused() {}, dropped() {} }),
  )
  if (http !== undefined) {
    const server = createServer()
    opening.push(listenHttp(server, http).then(() => server))
  }
  const opened = await Promise.allSettled(opening)
  const failures: ProxyError[] = []
  for (const result of opened) {
    if (result.status === 'fulfilled') await result.value.close()
    else if (result.reason instanceof ProxyError) failures.push(result.reason)
    else throw result.reason
  }
  return failures
}

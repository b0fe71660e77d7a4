import { readFile } from 'node:fs/promises'
import type { SecureContextOptions } from 'node:tls'
import type { ProxyConfig } from './config.ts'
import { ProxyError } from './errors.ts'

/** @throws ProxyError ERR_SIPLET_PROXY_CONFIG */
export async function readTLS(tls: ProxyConfig['tls']): Promise<SecureContextOptions | undefined> {
  if (tls === undefined) return undefined
  try {
    const [cert, key] = [await readFile(tls.cert), await readFile(tls.key)]
    return { cert, key, ...(tls.ca !== undefined && { ca: await readFile(tls.ca) }) }
  } catch (error) {
    throw new ProxyError('ERR_SIPLET_PROXY_CONFIG', `tls: ${(error as Error).message}`, { cause: error })
  }
}

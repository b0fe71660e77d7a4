import { readFile } from 'node:fs/promises'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import type { ProxyConfig } from './config.ts'
import { ProxyError } from './errors.ts'

/** @throws ProxyError ERR_SIPLET_PROXY_CONFIG if a file cannot be read, or if certificate and key are not usable */
export async function readTLS(tls: ProxyConfig['tls']): Promise<SecureContextOptions | undefined> {
  if (tls === undefined) return undefined
  const [cert, key] = [await read('cert', tls.cert), await read('key', tls.key)]
  const files = { cert, key, ...(tls.ca !== undefined && { ca: await read('ca', tls.ca) }) }
  try {
    createSecureContext(files)
  } catch (cause) {
    const reason = (cause as Error).message
    throw new ProxyError(
      'ERR_SIPLET_PROXY_CONFIG',
      `tls: ${tls.cert} and ${tls.key} are no pair: ${reason}`,
      {
        cause,
      },
    )
  }
  return files
}

async function read(option: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const reason = code === 'ENOENT' ? 'there is no such file' : message
    throw new ProxyError('ERR_SIPLET_PROXY_CONFIG', `tls.${option}: ${path}: ${reason}`, { cause })
  }
}

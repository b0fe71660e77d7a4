/** A key and a certificate for 127.0.0.1 that lasts a day, as PEM files. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export function certificate(): { key: string; cert: string } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), 'siplet-tls-'))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const request = '-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=127.0.0.1'
  const names = ['-addext', 'subjectAltName=IP:127.0.0.1']
  execFileSync('openssl', ['req', ...request.split(' '), '-keyout', key, '-out', cert, ...names], {
    stdio: 'ignore',
  })
  return { key, cert, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) }
}

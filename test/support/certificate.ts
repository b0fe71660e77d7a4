/** Creates a key and a certificate that is valid for one day, as PEM files. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** @param name subject of the certificate, as a subjectAltName of openssl */
export function certificate(name = 'IP:127.0.0.1'): { key: string; cert: string } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), 'siplet-tls-'))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const request = '-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=siplet'
  const names = ['-addext', `subjectAltName=${name}`]
  execFileSync('openssl', ['req', ...request.split(' '), '-keyout', key, '-out', cert, ...names], {
    stdio: 'ignore',
  })
  return { key, cert, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) }
}

/** NODE_DEBUG as documented: every channel prints, and peers cannot write control characters into the output. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const PROGRAM = `
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { writeFileSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createProxy } from '@siplet/proxy'

const file = join(mkdtempSync(join(tmpdir(), 'siplet-test-')), 'router.js')
writeFileSync(file, 'function mod_init() { return { child_init() { return 0 }, request_route() { return 1 } } }')
const listen = ['udp:127.0.0.1:0', 'tcp:127.0.0.1:0']
const proxy = await createProxy({ listen, script: { file, isolation: 'process' }, drainTimeoutMs: 1 })
const client = createSocket('udp4').bind(0, '127.0.0.1')
await once(client, 'listening')
const lines = [
  'INVITE sip:127.0.0.1:1;transport=tcp SIP/2.0',
  'Via: SIP/2.0/UDP 127.0.0.1:' + client.address().port + ';branch=z9hG4bK\\x1b[31m',
  'Max-Forwards: 70',
  'From: <sip:a@b>;tag=1',
  'To: <sip:c@d>',
  'Call-ID: \\x1b[31mred\\x9b',
  'CSeq: 1 INVITE',
]
client.send(Buffer.from(lines.join('\\r\\n') + '\\r\\n\\r\\n', 'latin1'), proxy.listening[0].port, '127.0.0.1')
for (;;) {
  const [bytes] = await once(client, 'message')
  if (/^SIP\\/2.0 [2-6]/.test(String(bytes))) break
}
await proxy.close()
client.close()
`

describe('NODE_DEBUG', function () {
  this.timeout(60_000)

  it('prints each channel of docs/observability.md, without control characters of peers', async () => {
    const cwd = fileURLToPath(new URL('../..', import.meta.url))
    const args = ['--input-type=module', '--eval', PROGRAM]
    const env = { ...process.env, NODE_DEBUG: 'siplet:*' }
    const { stderr } = await promisify(execFile)(process.execPath, args, { cwd, env })
    const docs = readFileSync(new URL('../../docs/observability.md', import.meta.url), 'utf8')
    const channels = [...docs.matchAll(/^\| `(siplet:\w+)`/gm)].map(([, name]) => name!)
    assert.equal(channels.length, 5)
    for (const channel of channels) assert.match(stderr, new RegExp(`^${channel.toUpperCase()} \\d+: `, 'm'))
    assert.doesNotMatch(stderr, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/)
  })
})

/** Hostile scripts: each is answered with its error, the next message on its child is read right, the host lives. */
import assert from 'node:assert/strict'
import type { EngineOptions } from '@siplet/engine'
import { scriptFile, withEngine } from '../support/engine.ts'
import { HOSTILE_PYTHON_SCRIPTS } from './python-scripts.ts'
import { PYTHON_REALM_SCRIPTS } from './realm-scripts.ts'
import { HOSTILE_SCRIPTS, type HostileScript } from './scripts.ts'

const URI = 'sip:bob@example.net'
const MESSAGE = [
  `INVITE ${URI} SIP/2.0`,
  'Via: SIP/2.0/UDP client.example.org;branch=z9hG4bK1',
  'f: Alice <sip:alice@example.org>;tag=1',
  'To: <sip:bob@example.net>',
  'Call-ID: hostile@example.org',
  'CSeq: 1 INVITE',
  'Subject: hello,',
  ' world',
  'Content-Type: text/plain',
  'Content-Length: 4',
  '',
  'body',
].join('\r\n')

/** The values are made by the probe, not by the test: what a script patched must not reach them. */
const PROBE = `
  probe(msg) {
    if (msg.Method !== 'INVITE' || msg.RURI !== '${URI}' || msg.body !== 'body') return 2
    if (msg.getHeader('From') !== 'Alice <sip:alice@example.org>;tag=1') return 3
    if (msg.getHeader('s') !== 'hello, world' || msg.FromTag !== '1') return 4
    msg.setHeader('X-Probe', 'after')
    msg.rewrite_ruri('sip:carol@example.net')
    return msg.RURI === 'sip:carol@example.net' ? 7 : 5
  }`

const PYTHON_PROBE = `
    def probe(self, msg):
        if msg.Method != 'INVITE' or msg.RURI != '${URI}' or msg.body != 'body':
            return 2
        if msg.getHeader('From') != 'Alice <sip:alice@example.org>;tag=1':
            return 3
        if msg.getHeader('s') != 'hello, world' or msg.FromTag != '1':
            return 4
        msg.setHeader('X-Probe', 'after')
        msg.rewrite_ruri('sip:carol@example.net')
        return 7 if msg.RURI == 'sip:carol@example.net' else 5
`

const LIMITS = { timeoutMs: 150, memoryMb: 16, maxResultBytes: 65_536 }
/** On a busy machine anything may take long; the time limit must only end what is expected to run into it. */
const LONG_MS = 10_000

describe('hostile scripts', () => {
  for (const isolation of ['inline', 'thread', 'process'] as const) {
    describe(isolation, () => {
      for (const script of HOSTILE_SCRIPTS) {
        if (isolation === 'process' ? !script.needsProcess : script.needsProcess) continue
        it(script.name, () => attack(script, isolation)).timeout(60_000)
      }
      for (const script of [...HOSTILE_PYTHON_SCRIPTS, ...PYTHON_REALM_SCRIPTS]) {
        if (isolation === 'process' ? !script.needsProcess : script.needsProcess) continue
        it(`Python: ${script.name}`, () => attackInPython(script, isolation)).timeout(60_000)
      }
    })
  }

  it('are many', () => {
    assert.ok(HOSTILE_SCRIPTS.length >= 40)
    console.log(
      `    ${HOSTILE_SCRIPTS.length} hostile scripts in JavaScript, ${HOSTILE_PYTHON_SCRIPTS.length} in Python`,
    )
  })
})

type Isolation = NonNullable<EngineOptions['isolation']>

async function attack(script: HostileScript, isolation: Isolation): Promise<void> {
  const source = `${script.setup ?? ''}
class Hostile {
  child_init(rank) { this.rank = rank; return 0 }
  attack(msg) { ${script.attack} }
  ${PROBE}
}
function mod_init() { return new Hostile() }`
  await survive(script, scriptFile(source), isolation, LIMITS)
}

async function attackInPython(script: HostileScript, isolation: Isolation): Promise<void> {
  const indented = script.attack.trim().replace(/^/gm, '        ')
  const source = `${script.setup ?? ''}
class Hostile:
    def child_init(self, rank):
        return 0
    def attack(self, msg):
${indented}
${PYTHON_PROBE}
def mod_init():
    return Hostile()
`
  await survive(script, scriptFile(source, 'hostile.py'), isolation, { ...LIMITS, memoryMb: 32 })
}

/** The child answers before the attack, and after it, whatever the attack does; and the attack itself is answered. */
async function survive(
  script: HostileScript,
  scriptName: string,
  isolation: Isolation,
  defaults: EngineOptions['limits'],
): Promise<void> {
  const expected = [script.expect].flat()
  const timed = expected.includes('ERR_SIPLET_TIMEOUT') || script.needsProcess
  const limits = { ...defaults, ...(!timed && { timeoutMs: LONG_MS }) }
  await withEngine('', { scriptName, isolation, limits }, async (engine) => {
    const results = await Promise.all([
      engine.exec('probe', MESSAGE),
      engine.exec('attack', MESSAGE),
      engine.exec('probe', MESSAGE),
    ])
    const [before, attacked, after] = results
    const outcome = attacked.error?.code ?? attacked.code
    assert.ok(expected.includes(outcome), `${outcome}: ${attacked.error?.message}`)
    for (const { code, error, message } of [before, after, await engine.exec('probe', MESSAGE)]) {
      assert.equal(error, null)
      assert.equal(code, 7)
      const edited = MESSAGE.replace(URI, 'sip:carol@example.net').replace(
        '\r\n\r\n',
        '\r\nX-Probe: after\r\n\r\n',
      )
      assert.equal(message.toBuffer().toString(), edited)
    }
    const { execs, children } = engine.stats()
    assert.equal(execs, 4)
    assert.equal(children[0]!.rank, 1)
  })
}

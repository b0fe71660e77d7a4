/** Every start ends, even one that V8 or isolated-vm would continue forever. */
import assert from 'node:assert/strict'
import { SipletError } from '@siplet/engine'
import { INVITE } from '../../../packages/cli/src/bench/invite.ts'
import { withEngine } from '../../support/engine.ts'

const limits = { initTimeoutMs: 300, timeoutMs: 100 }
const STACK = `const error = new Error('x'); Object.defineProperty(error, 'stack', { get() { for (;;); } }); throw error`
const SCRIPTS = {
  'loops at top level': 'for (;;);',
  'loops in mod_init': 'function mod_init() { for (;;); }',
  'loops in child_init': 'function mod_init() { return { child_init() { for (;;); } } }',
  'throws an error at top level whose stack loops': STACK,
  'throws an error in mod_init whose stack loops': `function mod_init() { ${STACK} }`,
  'throws an error in child_init whose stack loops': `function mod_init() { return { child_init() { ${STACK} } } }`,
  'loops when its methods are listed':
    'function mod_init() { return new Proxy({ child_init() { return 0 } }, { ownKeys() { for (;;); } }) }',
}

async function refused(source: string, isolation: 'inline' | 'thread' | 'process'): Promise<SipletError> {
  const started = withEngine(source, { isolation, limits }, async () => {})
  const error = await started.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof SipletError, String(error))
  return error
}

describe('the limit of a start', () => {
  for (const isolation of ['inline', 'thread', 'process'] as const) {
    for (const [name, source] of Object.entries(SCRIPTS)) {
      it(`${isolation}: ends a script that ${name}`, async () => {
        assert.match((await refused(source, isolation)).code, /_(SCRIPT_LOAD|MOD_INIT|CHILD_INIT)$/)
      }).timeout(60_000)
    }
  }

  it('process: ends a start that V8 does not interrupt', async () => {
    const source = `function mod_init() { return { child_init() { Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1) } } }`
    assert.equal((await refused(source, 'process')).code, 'ERR_SIPLET_CHILD_INIT')
  }).timeout(120_000)

  it('inline: also applies to a rebuild, and waiting execs are answered', () =>
    withEngine(
      `function mod_init() {
        return {
          child_init() { return 0 },
          // The second life of this child begins after the deadline of the first.
          loop() { for (;;); },
          fine() { return 7 },
        }
      }
      if (Date.now() > ${Date.now() + 2_000}) for (;;);`,
      { isolation: 'inline', limits },
      async (engine) => {
        await new Promise((resolve) => setTimeout(resolve, 2_100))
        const results = await Promise.all([engine.exec('loop', INVITE), engine.exec('fine', INVITE)])
        assert.deepEqual(
          results.map(({ error }) => error?.code),
          ['ERR_SIPLET_TIMEOUT', 'ERR_SIPLET_SCRIPT_LOAD'],
        )
      },
    )).timeout(60_000)
})

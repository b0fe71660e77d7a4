/** The recipes of the migration guide in every language: the same messages, the same decisions. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ERRORS } from '@siplet/engine'
import { createTestMessage, runScript, type TestRequest } from '@siplet/engine/testing'

const FOLDER = fileURLToPath(new URL('../../examples/recipes/', import.meta.url))

interface Expected {
  verdict: 'true' | 'false'
  ruri?: string
  dstUri?: string | null
  /** Headers of the edited message. */
  headers?: Record<string, string>
}
type Step = [title: string, message: TestRequest, expected: Expected, src?: string]

const anonymous = 'sip:anonymous@anonymous.invalid'
const to = (user: string): TestRequest => ({ uri: `sip:${user}@example.com` })
const passed: Expected = { verdict: 'true' }
const refused: Expected = { verdict: 'false' }
const gateway = (last: number) => `sip:192.0.2.${last}:5060`
const platform = (name: 'old' | 'new'): Expected => ({
  verdict: 'true',
  dstUri: gateway(name === 'new' ? 22 : 21),
  headers: { 'X-Platform': name },
})

/** Each recipe runs its steps in order, in one child. */
const RECIPES: Record<string, Step[]> = {
  'prefix-routing': [
    [
      'longest prefix',
      to('+493012345'),
      { verdict: 'true', dstUri: gateway(30), ruri: 'sip:+493012345@example.com' },
    ],
    [
      '00 becomes +',
      to('00493012345'),
      { verdict: 'true', dstUri: gateway(30), ruri: 'sip:+493012345@example.com' },
    ],
    [
      '0 becomes the country code',
      to('08912345'),
      { verdict: 'true', dstUri: gateway(49), ruri: 'sip:+498912345@example.com' },
    ],
    ['the rest of the world', to('+14155550100'), { verdict: 'true', dstUri: gateway(1) }],
    ['a name stays unchanged', to('alice'), { verdict: 'true', dstUri: null, ruri: 'sip:alice@example.com' }],
    ['an extension has no carrier', to('4711'), refused],
    ['other methods pass', { ...to('+493012345'), method: 'OPTIONS' }, { verdict: 'true', dstUri: null }],
  ],
  'caller-screening': [
    ['any caller', {}, { verdict: 'true', headers: { 'X-Screening': 'passed' } }],
    [
      'a forged mark is replaced',
      { headers: [['X-Screening', 'trusted']] },
      { verdict: 'true', headers: { 'X-Screening': 'passed' } },
    ],
    ['blocked URI, in any case', { from: 'sip:RoboCall@Example.org' }, refused],
    ['blocked domain', { from: 'sip:x@spam.example' }, refused],
    ['blocked network', {}, refused, '203.0.113.9'],
    ['anonymous', { from: anonymous }, refused],
    ['anonymous from a trunk', { from: anonymous }, passed, '192.0.2.30'],
  ],
  'hash-balancing': [
    ['a call', { callId: 'a' }, passed],
    ['the same call', { callId: 'a', method: 'BYE' }, passed],
  ],
  'header-ab-routing': [
    ['a tester', { headers: [['X-Platform', 'new']] }, platform('new')],
    [
      'an old phone',
      {
        headers: [
          ['X-Platform', 'new'],
          ['User-Agent', 'OldPhone/1.9'],
        ],
      },
      platform('old'),
    ],
    [
      'a forged choice is ignored',
      { from: 'sip:a@example.com', headers: [['X-Platform', 'mine']] },
      platform('old'),
    ],
  ],
  'fraud-limits': [
    ...Array.from({ length: 2 }, (): Step => ['premium', to('+499001'), passed]),
    ['premium, one call too many', to('+499001'), refused],
    ...Array.from({ length: 3 }, (): Step => ['ordinary', to('+4930'), passed]),
    ['ordinary, one call too many', to('+4930'), refused],
    ['another caller', { ...to('+499001'), from: 'sip:carol@example.com' }, passed],
    ['within a dialog', { ...to('+4930'), headers: [['To', '<sip:b@example.com>;tag=1']] }, passed],
  ],
}

const GUIDE_URL = new URL('../../docs/migrating-from-opensips.md', import.meta.url)

describe('the migration guide', () => {
  const guide = readFileSync(GUIDE_URL, 'utf8')

  it('names every member of msg, and only errors that exist', () => {
    const types = new URL('../../packages/engine/src/script-contract.ts', import.meta.url)
    const [contract] = /interface SIPMsg \{.*?^\}/ms.exec(readFileSync(types, 'utf8'))!
    for (const [, name] of contract.matchAll(/^ {2}(?:readonly )?(\w+)(?=[(:])/gm)) {
      assert.match(guide, new RegExp(`\\b${name}\\b`))
    }
    for (const [code] of guide.matchAll(/ERR_SIPLET_\w+/g)) assert.ok(code in ERRORS, code)
  })

  it('links to files that exist, including every recipe', () => {
    const links = [...guide.matchAll(/\]\(([^)]+)\)/g)].map(([, link]) => link!)
    for (const link of links) assert.ok(existsSync(new URL(link, GUIDE_URL)), link)
    for (const name of Object.keys(RECIPES))
      assert.ok(
        links.some((link) => link.endsWith(`/${name}.ts`)),
        name,
      )
  })
})

describe('the recipes', () => {
  it('all exist in TypeScript, and all are tested', () => {
    const names = readdirSync(FOLDER).map((name) => name.replace(/\.(ts|py)$/, ''))
    assert.deepEqual([...new Set(names)].sort(), Object.keys(RECIPES).sort())
    for (const name of Object.keys(RECIPES)) assert.ok(existsSync(`${FOLDER}${name}.ts`), name)
  })

  for (const [name, steps] of Object.entries(RECIPES)) {
    for (const extension of ['ts', 'py']) {
      const script = `${FOLDER}${name}.${extension}`
      if (!existsSync(script)) continue
      describe(`${name}.${extension}`, () => {
        it('makes the expected decisions', async () => {
          let at = 0
          const bySource = Map.groupBy(steps, ([, , , src]) => src ?? '192.0.2.1')
          for (const [src, group] of bySource) {
            const messages = group.map(([, message]) => createTestMessage(message))
            const results = await runScript(script, messages, { src: [src, 5060] })
            for (const [index, result] of results.entries()) {
              const [title, , expected] = group[index]!
              assert.equal(result.error, null, title)
              assert.equal(result.verdict, expected.verdict, title)
              if (expected.ruri !== undefined) assert.equal(result.message.ruri, expected.ruri, title)
              if (expected.dstUri !== undefined) assert.equal(result.dstUri, expected.dstUri, title)
              for (const [header, value] of Object.entries(expected.headers ?? {})) {
                assert.deepEqual(result.message.getHeaders(header), [value], title)
              }
              at++
            }
          }
          assert.equal(at, steps.length)
        })

        if (name === 'hash-balancing') {
          it('spreads calls evenly, and keeps each call on one gateway', async () => {
            const messages = Array.from({ length: 300 }, (_, call) =>
              createTestMessage({ callId: `call-${call % 150}@example.com` }),
            )
            const hops = (await runScript(script, messages)).map(({ dstUri }) => dstUri!)
            for (let call = 0; call < 150; call++) assert.equal(hops[call], hops[call + 150])
            for (const last of [11, 12, 13]) {
              const calls = hops.filter((hop) => hop === gateway(last)).length
              assert.ok(calls > 60 && calls < 140, `${calls} of 300 to .${last}`)
            }
          })
        }

        if (name === 'header-ab-routing') {
          it('sends a fifth of the callers to the new platform', async () => {
            const messages = Array.from({ length: 500 }, (_, caller) =>
              createTestMessage({ from: `sip:caller-${caller}@example.com` }),
            )
            const hops = (await runScript(script, messages)).map(({ dstUri }) => dstUri)
            const share = hops.filter((hop) => hop === gateway(22)).length
            assert.ok(share > 50 && share < 150, `${share} of 500`)
          })
        }
      })
    }
  }
})

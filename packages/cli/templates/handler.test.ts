import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTestMessage, runScript } from '@siplet/engine/testing'

const SCRIPT = 'handler.ts'

test('an international number gets its plus, and goes to the gateway', async () => {
  const invite = createTestMessage({ uri: 'sip:00493012345678@example.com' })
  const result = await runScript(SCRIPT, invite)
  assert.ifError(result.error)
  assert.equal(result.verdict, 'true')
  assert.equal(result.message.ruri, 'sip:+493012345678@example.com')
  assert.equal(result.dstUri, 'sip:192.0.2.49:5060')
})

test('a scanner is refused', async () => {
  const invite = createTestMessage({ headers: [['User-Agent', 'friendly-scanner']] })
  const result = await runScript(SCRIPT, invite)
  assert.ifError(result.error)
  assert.equal(result.verdict, 'false')
})

test('replies pass as they are', async () => {
  const result = await runScript(SCRIPT, createTestMessage({ status: 180 }))
  assert.ifError(result.error)
  assert.equal(result.verdict, 'true')
  assert.equal(result.edited, false)
})

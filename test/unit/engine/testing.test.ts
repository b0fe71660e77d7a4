/** @siplet/engine/testing: tools with which authors test their scripts. */
import assert from 'node:assert/strict'
import { createTestMessage, runScript } from '@siplet/engine/testing'
import { SIPMessage, validate } from '@siplet/sipmsg'
import { handler, scriptFile } from '../../support/engine.ts'

describe('createTestMessage', () => {
  it('makes a complete INVITE by default', () => {
    const message = new SIPMessage(createTestMessage())
    assert.equal(message.method, 'INVITE')
    assert.equal(message.ruri, 'sip:bob@example.com')
    assert.deepEqual(validate(message), [])
  })

  it('accepts the parts that a test cares about', () => {
    const message = new SIPMessage(
      createTestMessage({
        method: 'MESSAGE',
        uri: 'sip:+4930@example.net',
        from: 'sip:zoë@example.org',
        callId: 'c1',
        cseq: 7,
        headers: [
          ['Content-Type', 'text/plain'],
          ['X-Account', '4711'],
        ],
        body: 'grüße',
      }),
    )
    assert.equal(message.fromURI, 'sip:zoë@example.org')
    assert.equal(message.toURI, 'sip:+4930@example.net')
    assert.equal(message.callId, 'c1')
    assert.equal(message.cseq, '7 MESSAGE')
    assert.equal(message.getHeader('X-Account'), '4711')
    assert.equal(message.getHeader('Content-Length'), '7')
    assert.equal(message.body, 'grüße')
  })

  it('replaces a default header by either form of its name, and repeats a header that is given twice', () => {
    const message = new SIPMessage(
      createTestMessage({
        headers: [
          ['f', '<sip:carol@example.org>'],
          ['Via', 'SIP/2.0/TCP 192.0.2.9;branch=z9hG4bK-a'],
          ['Via', 'SIP/2.0/TCP 192.0.2.8;branch=z9hG4bK-b'],
        ],
      }),
    )
    assert.deepEqual(message.getHeaders('From'), ['<sip:carol@example.org>'])
    assert.deepEqual(
      message.vias.map(({ host }) => host),
      ['192.0.2.9', '192.0.2.8'],
    )
  })

  it('makes a reply with a tag in To if a status is given', () => {
    const reply = new SIPMessage(
      createTestMessage({ status: 486, method: 'INVITE', to: 'sip:bob@example.net' }),
    )
    assert.equal(reply.status, 486)
    assert.equal(reply.reason, 'Busy Here')
    assert.equal(reply.toURI, 'sip:bob@example.net')
    assert.ok(reply.toTag)
    assert.equal(reply.cseqMethod, 'INVITE')
    assert.deepEqual(validate(reply), [])
  })

  it('gives every message a transaction and a call of its own', () => {
    const [a, b] = [new SIPMessage(createTestMessage()), new SIPMessage(createTestMessage())]
    assert.notEqual(a.callId, b.callId)
    assert.notEqual(a.getHeader('Via'), b.getHeader('Via'))
  })

  it('refuses parts that would not make a message', () => {
    assert.throws(() => createTestMessage({ uri: 'nonsense' }), { code: 'ERR_SIPLET_URI' })
    assert.throws(() => createTestMessage({ headers: [['X', 'a\r\nY: b']] }), {
      code: 'ERR_SIPLET_INJECTION',
    })
    assert.throws(() => createTestMessage({ status: 99 }), { code: 'ERR_SIPLET_STATUS' })
  })
})

describe('runScript', () => {
  const script = scriptFile(
    handler(`
      calls: 0,
      request_route(msg, extra) {
        LM_INFO('from', msg.src_address[0], extra ?? '')
        if (msg.RURI.includes('loop')) for (;;) {}
        if (msg.RURI.includes('ask')) return msg.call_function('ask', 'x')
        return ++this.calls
      },
      onreply_route() { return 0 },
      other() { return this.rank },
    `),
  )

  it('runs one message and answers as exec does, log lines included', async () => {
    const result = await runScript(script, createTestMessage(), { src: ['192.0.2.7', 5060], extraArgs: 'e' })
    assert.equal(result.code, 1)
    assert.equal(result.message.method, 'INVITE')
    assert.deepEqual(result.logs, [{ level: 'INFO', text: 'from 192.0.2.7 e' }])
  })

  it('chooses the method by the type of the message, unless a method is given', async () => {
    assert.equal((await runScript(script, createTestMessage({ status: 200 }))).verdict, 'stop')
    assert.equal((await runScript(script, createTestMessage(), { method: 'other' })).code, 1)
  })

  it('runs several messages in order in one child with lasting state, and a new child the next time', async () => {
    const messages = [createTestMessage(), createTestMessage(), createTestMessage()]
    for (let time = 0; time < 2; time++) {
      const results = await runScript(script, messages)
      assert.deepEqual(
        results.map(({ code }) => code),
        [1, 2, 3],
      )
    }
  })

  it('has functions for call_function, also asynchronous ones', async () => {
    const asked: unknown[] = []
    const ask = async (_message: object, value: string) => asked.push(value) + 40
    const result = await runScript(script, createTestMessage({ uri: 'sip:ask@example.com' }), {
      functions: { ask },
    })
    assert.equal(result.code, 41)
    assert.deepEqual(asked, ['x'])
  })

  it('applies the limits of production', async () => {
    const loop = createTestMessage({ uri: 'sip:loop@example.com' })
    const { error } = await runScript(script, loop, { limits: { timeoutMs: 20 } })
    assert.equal(error?.code, 'ERR_SIPLET_TIMEOUT')
  })

  it('answers bytes that are not SIP as exec does', async () => {
    assert.equal((await runScript(script, 'hello')).error?.code, 'ERR_SIPLET_NOT_SIP')
  })

  it('throws if the script cannot be started', async () => {
    await assert.rejects(runScript(scriptFile('function mod_init() {}'), createTestMessage()), {
      code: 'ERR_SIPLET_MOD_INIT',
    })
  })
})

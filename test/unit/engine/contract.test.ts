/** The script contract: every member of SIPMsg, as a script sees it. */
import assert from 'node:assert/strict'
import type { Engine } from '@siplet/engine'
import { handler, withEngine } from '../../support/engine.ts'
import { INVITE, RINGING, sip } from '../../support/messages.ts'

/** Runs `body` as a method of a script with the message. Its return value is sent back as JSON. */
const SCRIPT = handler(`
  run(msg, body) {
    let outcome
    try { outcome = { value: new Function('msg', 'self', body)(msg, this) } }
    catch (error) { outcome = { name: error.name, code: error.code, message: error.message, own: error instanceof Error } }
    LM_INFO(JSON.stringify(outcome))
    return 1
  }`)

describe('the script contract', () => {
  let engine: Engine
  let close: () => void
  before(async () => {
    await new Promise<void>((ready, failed) => {
      withEngine(SCRIPT, { isolation: 'inline' }, (started) => {
        engine = started
        ready()
        return new Promise<void>((resolve) => {
          close = resolve
        })
      }).catch(failed)
    })
  })
  after(() => close())

  const ADDRESSES = { src: ['192.0.2.10', 5060], dst: ['2001:db8::1', 5080] } as const

  async function run(body: string, message = INVITE, options = {}) {
    const result = await engine.exec('run', message, { ...ADDRESSES, ...options, extraArgs: body })
    assert.equal(result.error, null)
    const outcome = JSON.parse(result.logs[0]!.text)
    return { ...outcome, result }
  }
  const value = async (body: string, message?: string) => {
    const { value, ...rest } = await run(body, message)
    assert.equal(rest.message, undefined)
    return value ?? null
  }

  describe('members that read', () => {
    const cases: [expression: string, onRequest: unknown, onReply: unknown][] = [
      ['msg.Type', 'SIP_REQUEST', 'SIP_REPLY'],
      ['msg.Type === SIP_REQUEST', true, false],
      ['msg.Method', 'INVITE', { code: 'ERR_SIPLET_NOT_A_REQUEST' }],
      ['msg.CSeqMethod', 'INVITE', 'INVITE'],
      ['msg.Status', { code: 'ERR_SIPLET_NOT_A_REPLY' }, '180'],
      ['msg.Reason', { code: 'ERR_SIPLET_NOT_A_REPLY' }, 'Ringing'],
      ['msg.RURI', 'sip:bob@example.net', { code: 'ERR_SIPLET_NOT_A_REQUEST' }],
      ['msg.originalRURI', 'sip:bob@example.net', { code: 'ERR_SIPLET_NOT_A_REQUEST' }],
      ['msg.Route', 'REQUEST_ROUTE', 'ONREPLY_ROUTE'],
      ['msg.src_address', ['192.0.2.10', 5060], ['192.0.2.10', 5060]],
      ['msg.dst_address', ['2001:db8::1', 5080], ['2001:db8::1', 5080]],
      ['Object.isFrozen(msg.src_address) && msg.src_address instanceof Array', true, true],
      ['msg.CallID', 'call-1@example.com', 'call-1@example.com'],
      ['msg.CSeq', '1 INVITE', '1 INVITE'],
      ['msg.FromURI', 'sip:alice@example.com', 'sip:alice@example.com'],
      ['msg.FromTag', 'a1', 'a1'],
      ['msg.ToURI', 'sip:bob@example.net', 'sip:bob@example.net'],
      ['msg.ToTag', null, null],
      ['msg.dst_uri', null, null],
      ['msg.body', '', ''],
      ['msg.raw', INVITE, RINGING],
      ["msg.getHeader('cseq')", '1 INVITE', '1 INVITE'],
      ["msg.getHeader('Route')", null, null],
      ["msg.getHeaderBytes('i')", 'call-1@example.com', 'call-1@example.com'],
      ["msg.getHeaders('v').length", 1, 1],
      ["msg.getHeaders('v') instanceof Array", true, true],
      ['msg.headerNames()[0]', 'Via', 'Via'],
    ]
    for (const [expression, onRequest, onReply] of cases) {
      it(expression, async () => {
        for (const [message, expected] of [
          [INVITE, onRequest],
          [RINGING, onReply],
        ] as const) {
          const { value = null, code, own, name } = await run(`return ${expression}`, message)
          if (typeof expected === 'object' && expected !== null && 'code' in expected) {
            assert.deepEqual({ code, own, name }, { code: expected.code, own: true, name: 'SIPMsgError' })
          } else assert.deepEqual(value, expected)
        }
      })
    }

    it('error messages name the member and the type of the message', async () => {
      assert.match((await run('msg.Status')).message, /^Status is for replies only.*SIP_REQUEST \(INVITE\)/)
      assert.match((await run('msg.RURI', RINGING)).message, /^RURI is for requests only.*SIP_REPLY \(180\)/)
    })

    it('decode UTF-8, and show invalid bytes as replacement characters', async () => {
      const message = sip({ headers: [['Subject', 'grün']] })
      assert.equal(await value("return msg.getHeader('s')", message), 'grün')
    })
  })

  describe('members that write', () => {
    it('rewrite_ruri: RURI shows the new one, originalRURI the received one', async () => {
      const { value, result } = await run(
        "msg.rewrite_ruri('sip:carol@example.org'); return [msg.RURI, msg.originalRURI]",
      )
      assert.deepEqual(value, ['sip:carol@example.org', 'sip:bob@example.net'])
      assert.equal(result.edited, true)
      assert.equal(
        result.message.toBuffer().toString(),
        INVITE.replace('bob@example.net', 'carol@example.org'),
      )
    })

    it("rewrite_ruri(''): reverts; set_dst_uri(''): clears", async () => {
      const { result } = await run(
        "msg.rewrite_ruri('sip:c@d'); msg.set_dst_uri('sip:e'); msg.rewrite_ruri(''); msg.set_dst_uri('')",
      )
      assert.equal(result.edited, false)
      assert.equal(result.dstUri, null)
    })

    it('set_dst_uri: the next hop, whatever the Request-URI', async () => {
      const { value, result } = await run(
        "msg.set_dst_uri('sip:192.0.2.9;transport=tcp'); return msg.dst_uri",
      )
      assert.equal(value, 'sip:192.0.2.9;transport=tcp')
      assert.equal(result.dstUri, 'sip:192.0.2.9;transport=tcp')
      assert.equal(result.edited, false)
    })

    it('setHeader, appendHeader, removeHeader, setBody', async () => {
      const { value, result } = await run(`
        msg.setHeader('Max-Forwards', '69'); msg.appendHeader('X-A', 'ä'); msg.setBody('hi', 'text/plain')
        return [msg.removeHeader('Via'), msg.getHeader('X-A'), msg.body]`)
      assert.deepEqual(value, [1, 'ä', 'hi'])
      assert.equal(result.message.getHeader('Content-Length'), '2')
      assert.equal(result.message.getHeader('Via'), null)
      assert.ok(result.message.toBuffer().includes(Buffer.from('X-A: ä\r\n')))
    })

    it('copy: has the edits so far; later edits of one are not in the other', async () => {
      const { value, result } = await run(`
        msg.setHeader('X', '1'); msg.set_dst_uri('sip:a')
        const copy = msg.copy(); copy.setHeader('X', '2'); copy.set_dst_uri('sip:b'); msg.setHeader('Y', '1')
        return [copy.getHeader('X'), copy.getHeader('Y'), copy.dst_uri, msg.getHeader('X'), msg.dst_uri]`)
      assert.deepEqual(value, ['2', null, 'sip:b', '1', 'sip:a'])
      assert.equal(result.dstUri, 'sip:a')
      assert.equal(result.message.getHeader('X'), '1')
    })

    const refused: [code: string, body: string, message?: string][] = [
      ['ERR_SIPLET_URI', "msg.rewrite_ruri('not a uri')"],
      ['ERR_SIPLET_URI', "msg.rewrite_ruri('sip:a\\r\\nX: y')"],
      ['ERR_SIPLET_URI', "msg.set_dst_uri('sip:a b')"],
      ['ERR_SIPLET_NOT_A_REQUEST', "msg.rewrite_ruri('sip:a')", RINGING],
      ['ERR_SIPLET_NOT_A_REQUEST', "msg.set_dst_uri('sip:a')", RINGING],
      ['ERR_SIPLET_INJECTION', "msg.setHeader('X', 'a\\r\\nY: z')"],
      ['ERR_SIPLET_HEADER_NAME', "msg.appendHeader('X: a\\r\\nY', 'z')"],
      ['ERR_SIPLET_CONTENT_LENGTH', "msg.setHeader('Content-Length', '5')"],
      ['ERR_SIPLET_ARGUMENTS', 'msg.rewrite_ruri()'],
      ['ERR_SIPLET_ARGUMENTS', 'msg.rewrite_ruri(5)'],
      ['ERR_SIPLET_ARGUMENTS', "msg.rewrite_ruri('sip:a', 'sip:b')"],
      ['ERR_SIPLET_ARGUMENTS', "msg.setHeader('X', null)"],
      ['ERR_SIPLET_ARGUMENTS', 'msg.getHeader({ toString() { return "Via" } })'],
      ['ERR_SIPLET_ARGUMENTS', 'msg.call_function()'],
      ['ERR_SIPLET_ARGUMENTS', "msg.call_function('f', 1, 2, 3, 4, 5, 6, 7, 8, 9)"],
      ['ERR_SIPLET_ARGUMENTS', "msg.call_function('f', NaN)"],
      ['ERR_SIPLET_ARGUMENTS', "msg.call_function('f', {})"],
      ['ERR_SIPLET_NO_SUCH_FUNCTION', "msg.call_function('f')"],
      ['ERR_SIPLET_READ_ONLY', "msg.RURI = 'sip:a'"],
      ['ERR_SIPLET_READ_ONLY', "msg.Method = 'BYE'"],
    ]
    for (const [code, body, message] of refused) {
      it(`throw ${code}: ${body}${message === RINGING ? ' on a reply' : ''}`, async () => {
        const { result, ...outcome } = await run(body, message)
        assert.equal(outcome.code, code)
        assert.equal(outcome.name, 'SIPMsgError')
        assert.equal(result.edited, false)
        assert.equal(result.dstUri, null)
      })
    }
  })

  describe('pseudo-variables', () => {
    const message = sip({
      startLine: 'INVITE sip:bob@example.net:5070;x=y SIP/2.0',
      headers: [
        ['f', '<sip:alice@example.com>;tag=a1'],
        ['t', '<sip:bob@example.net>;tag=b1'],
        ['i', 'id'],
        ['CSeq', '7 INVITE'],
        ['User-Agent', 'phone'],
        ['X-Y', 'z'],
      ],
      body: 'hi',
    })
    const values: Record<string, string | null> = {
      $ru: 'sip:bob@example.net:5070;x=y',
      $rU: 'bob',
      $rd: 'example.net',
      $rp: '5070',
      $du: null,
      $fu: 'sip:alice@example.com',
      $fU: 'alice',
      $fd: 'example.com',
      $ft: 'a1',
      $tu: 'sip:bob@example.net',
      $tU: 'bob',
      $td: 'example.net',
      $tt: 'b1',
      $ci: 'id',
      $cs: '7',
      $rm: 'INVITE',
      $rs: null,
      $rr: null,
      $si: '192.0.2.10',
      $sp: '5060',
      $Ri: '2001:db8::1',
      $Rp: '5080',
      '$hdr(x-y)': 'z',
      $ua: 'phone',
      $mb: message,
      $rb: 'hi',
      $ml: String(message.length),
    }
    it('are read', async () => {
      const names = Object.keys(values)
      const read = await value(
        `return ${JSON.stringify(names)}.map((name) => msg.get_pseudoVar(name))`,
        message,
      )
      assert.deepEqual(Object.fromEntries(names.map((name, k) => [name, read[k]])), values)
    })

    it('of a reply are its status, its reason and the method of its CSeq', async () => {
      const read = await value(
        "return ['$rs', '$rr', '$rm', '$ru'].map((name) => msg.get_pseudoVar(name))",
        RINGING,
      )
      assert.deepEqual(read, ['180', 'Ringing', 'INVITE', null])
    })

    for (const [name, given, ruri] of [
      ['$ru', 'sip:c@d', 'sip:c@d'],
      ['$rU', 'carol', 'sip:carol@example.net:5070;x=y'],
      ['$rU', '', 'sip:example.net:5070;x=y'],
      ['$rd', '[2001:db8::2]', 'sip:bob@[2001:db8::2]:5070;x=y'],
      ['$rp', '5062', 'sip:bob@example.net:5062;x=y'],
      ['$rp', '', 'sip:bob@example.net;x=y'],
    ]) {
      it(`${name} can be set to ${JSON.stringify(given)}`, async () => {
        assert.equal(await value(`msg.set_pseudoVar('${name}', '${given}'); return msg.RURI`, message), ruri)
      })
    }

    it('$du can be set', async () => {
      assert.equal((await run("msg.set_pseudoVar('$du', 'sip:e')")).result.dstUri, 'sip:e')
    })

    for (const [body, code, on] of [
      ["msg.get_pseudoVar('$xx')", 'ERR_SIPLET_PSEUDO_VARIABLE'],
      ["msg.set_pseudoVar('$ci', 'x')", 'ERR_SIPLET_PSEUDO_VARIABLE'],
      ["msg.set_pseudoVar('$xx', 'x')", 'ERR_SIPLET_PSEUDO_VARIABLE'],
      ["msg.set_pseudoVar('$rU', 'a b')", 'ERR_SIPLET_URI'],
      ["msg.set_pseudoVar('$rp', 'x')", 'ERR_SIPLET_URI'],
      ["msg.set_pseudoVar('$ru', 'sip:a')", 'ERR_SIPLET_NOT_A_REQUEST', RINGING],
    ]) {
      it(`${body} throws ${code}`, async () => assert.equal((await run(body!, on)).code, code))
    }
  })

  it('a message that is kept after its exec is stale, and so is its copy; this is checked first', async () => {
    await run('self.kept = msg; self.copied = msg.copy()')
    for (const expression of [
      'self.kept.Type',
      'self.kept.Status',
      'self.kept.rewrite_ruri(5)',
      'self.kept.copy()',
      'self.copied.RURI',
      "self.copied.call_function('f')",
    ]) {
      const { code, result } = await run(expression)
      assert.equal(code, 'ERR_SIPLET_STALE_MESSAGE', expression)
      assert.equal(result.edited, false)
    }
  })

  it('a script cannot reach anything of the host', async () => {
    const names = [
      'process',
      'require',
      'fetch',
      'setTimeout',
      'setInterval',
      'queueMicrotask',
      'WebAssembly',
      'Buffer',
    ]
    assert.deepEqual(await value(`return ${JSON.stringify(names)}.filter((name) => name in globalThis)`), [])
  })

  it('patching the intrinsics of the script does not reach the parser', async () => {
    await run(`
      String.prototype.slice = String.prototype.indexOf = () => { throw new Error('patched') }
      Array.prototype.push = () => { throw new Error('patched') }
      Object.prototype.start = 5; Map.prototype.get = () => 'evil'`)
    assert.equal(await value("return msg.getHeader('Call-ID')"), 'call-1@example.com')
    const { result } = await run("msg.rewrite_ruri('sip:x@y'); delete Object.prototype.start")
    assert.equal(result.message.ruri, 'sip:x@y')
  })

  it("the functions of msg belong to the script's own realm", async () => {
    const outcome = await value(
      "const F = msg.getHeader.constructor; F('String.prototype.slice = () => \"evil\"; Object.prototype.x = 1')(); return [F === Function, F('return globalThis')() === globalThis]",
    )
    assert.deepEqual(outcome, [true, true])
    assert.equal(await value("return msg.getHeader('Call-ID')"), 'call-1@example.com')
  })
})

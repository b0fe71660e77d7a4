import assert from 'node:assert/strict'
import type { SIPMessage } from '@siplet/sipmsg'
import { ISOLATIONS } from '../../support/engine.ts'
import { Lab } from '../../support/sip-peer.ts'

for (const isolation of ISOLATIONS) {
  describe(`the routes of a script, isolation ${isolation}`, function () {
    this.timeout(30_000)

    it('FAILURE_ROUTE tries a second target, and runs once', async () => {
      await using lab = await Lab.open(
        `request_route(msg) {
          msg.set_dst_uri(A)
          msg.appendHeader('X-Kept', 'yes')
          msg.call_function('record_route')
          msg.call_function('t_on_failure', 'manage_failure')
          return msg.call_function('t_relay')
        },
        manage_failure(msg) {
          if (msg.call_function('t_check_status', '4[08][0-9]|5..') < 0) return 1
          msg.set_dst_uri(B)
          msg.setHeader('X-Second', msg.Route)
          msg.call_function('append_branch')
          return msg.call_function('t_relay')
        }`,
        { isolation },
      )
      const [a, b] = lab.servers
      lab.request('INVITE')
      await lab.client.next(100)
      a!.reply(await a!.next('INVITE'), 486)
      await a!.next('ACK')
      const second = await b!.next('INVITE')
      assert.equal(second.getHeader('X-Kept'), 'yes')
      assert.equal(second.getHeader('X-Second'), 'FAILURE_ROUTE')
      assert.equal(second.getHeader('Max-Forwards'), '69')
      assert.equal(second.getHeaders('Record-Route').length, 1)
      assert.equal(second.vias.length, 2)
      b!.reply(second, 404)
      await lab.client.next(404)
      assert.equal(lab.client.summary(), '100 404')
    })

    it('FAILURE_ROUTE changes the reply', async () => {
      await using lab = await Lab.open(
        `request_route(msg) { msg.set_dst_uri(A); msg.call_function('t_on_failure', 'failed'); return 1 },
         failed(msg) { return msg.call_function('t_reply', 480, 'Come Back Later') }`,
        { isolation },
      )
      lab.request('INVITE')
      await lab.client.next(100)
      lab.servers[0]!.reply(await lab.servers[0]!.next('INVITE'), 486)
      assert.equal((await lab.client.next(480)).reason, 'Come Back Later')
    })

    it('BRANCH_ROUTE edits each branch, or drops it', async () => {
      await using lab = await Lab.open(
        `request_route(msg) {
          msg.rewrite_ruri(A)
          msg.call_function('append_branch', B)
          msg.call_function('append_branch', 'sip:nobody@127.0.0.1:9')
          msg.call_function('t_on_branch', 'each')
          return msg.call_function('t_relay')
        },
        each(msg) {
          if (msg.RURI.includes('nobody')) return msg.call_function('drop')
          msg.call_function('append_hf', 'X-Branch: ' + msg.RURI + '\\r\\n')
          return 1
        }`,
        { isolation },
      )
      lab.request('INVITE')
      await lab.client.next(100)
      for (const server of lab.servers) {
        const arrived = await server.next('INVITE')
        assert.equal(arrived.getHeader('X-Branch'), server.uri)
        server.reply(arrived, 486)
      }
      await lab.client.next(486)
    })

    it('ONREPLY_ROUTE rewrites replies, and drops provisional ones', async () => {
      await using lab = await Lab.open(
        `request_route(msg) { msg.set_dst_uri(A); msg.call_function('t_on_reply', 'replies'); return 1 },
         replies(msg) {
           if (msg.Status === '183') return msg.call_function('drop')
           msg.call_function('remove_hf', 'Server')
           msg.appendHeader('X-Seen', msg.Status + ' from ' + msg.src_address[0])
           return msg.call_function('drop')
         }`,
        { isolation },
      )
      lab.request('INVITE')
      await lab.client.next(100)
      const [a] = lab.servers
      const arrived = await a!.next('INVITE')
      a!.reply(arrived, 183)
      a!.reply(arrived, 200, { headers: [['Server', 'secret']] })
      const ok = await lab.client.next(200)
      assert.equal(ok.getHeader('Server'), null)
      assert.equal(ok.getHeader('X-Seen'), '200 from 127.0.0.1')
    })

    it('a script that throws, loops or runs out of memory causes a stateless 500, and the next call works', async () => {
      await using lab = await Lab.open(
        `request_route(msg) {
          const what = msg.getHeader('Subject')
          if (what === 'throw') throw new Error('no such route')
          if (what === 'loop') for (;;);
          if (what === 'missing') msg.call_function('no_such_function')
          if (what === 'false') return -1
          msg.call_function('t_relay')
          if (what === 'late') throw new Error('after t_relay')
          return 1
        }`,
        { isolation, timeoutMs: 200 },
      )
      for (const what of ['throw', 'loop', 'missing', 'false', 'late']) {
        const invite = lab.request('INVITE', { uri: lab.servers[0]!.uri, headers: [['Subject', what]] })
        const answer = await lab.client.next(500)
        lab.follow('ACK', invite, answer.getHeader('To')!)
      }
      lab.request('INVITE', { uri: lab.servers[0]!.uri })
      await lab.client.next(100)
      await lab.servers[0]!.next('INVITE')
      assert.equal(lab.servers[0]!.summary(), 'INVITE', 'no ACK and no failed INVITE went on')
      assert.match(await lab.proxy.metrics(), /siplet_proxy_script_errors_total\{route="REQUEST_ROUTE"\} 5/)
    })

    it('with onScriptError relay, a request whose script fails is relayed unchanged', async () => {
      await using lab = await Lab.open(
        `request_route(msg) { msg.appendHeader('X-Half', 'done'); throw new Error('oh') },
         onreply_route() { throw new Error('oh') }`,
        { isolation, onScriptError: 'relay' },
      )
      lab.request('INVITE', { uri: lab.servers[0]!.uri })
      await lab.client.next(100)
      const arrived = await lab.servers[0]!.next('INVITE')
      assert.equal(arrived.getHeader('X-Half'), null)
      lab.servers[0]!.reply(arrived, 200)
      await lab.client.next(200)
    })
  })
}

describe('functions of call_function', () => {
  /** Returns the relayed request, in which the script wrote its results into headers. */
  async function said(lab: Lab, ...args: Parameters<Lab['request']>): Promise<SIPMessage> {
    lab.request(...args)
    return await lab.servers[0]!.next(args[0])
  }

  it('sl_send_reply answers without state: the ACK is absorbed, a retransmission runs the script again', async () => {
    await using lab = await Lab.open(
      `request_route(msg) { this.n = (this.n ?? 0) + 1; return msg.call_function('sl_send_reply', 403, 'No ' + this.n) }`,
    )
    const invite = lab.request('INVITE')
    const first = await lab.client.next(403)
    assert.equal(first.reason, 'No 1')
    lab.resend(invite)
    const second = await lab.client.next(403)
    assert.equal(second.reason, 'No 2')
    assert.equal(second.toTag, first.toTag)
    lab.follow('ACK', invite, first.getHeader('To')!)
    await lab.settled()
    assert.deepEqual(lab.proxy.transactions, { client: 0, server: 0 })
    assert.equal(lab.client.summary(), '403 403')
  })

  it('t_reply answers with the transaction, also with a provisional reply before relaying', async () => {
    await using lab = await Lab.open(
      `request_route(msg) {
        msg.call_function('t_reply', 183, 'Wait')
        msg.set_dst_uri(A)
        return msg.call_function('t_relay')
      }`,
    )
    lab.request('INVITE')
    assert.equal((await lab.client.next(183)).reason, 'Wait')
    await lab.client.next(100)
    await lab.servers[0]!.next('INVITE')
  })

  it('t_relay accepts an outbound proxy, and returns -1 if there is no next hop', async () => {
    await using lab = await Lab.open(
      `request_route(msg) {
        msg.rewrite_ruri('tel:+15551234')
        msg.appendHeader('X-No', String(msg.call_function('t_relay')))
        msg.call_function('t_relay', '', 'udp:' + A.slice(4))
        msg.appendHeader('X-Late', 'not seen')
        return 1
      }`,
    )
    const arrived = await said(lab, 'OPTIONS')
    assert.equal(arrived.ruri, 'tel:+15551234')
    assert.equal(arrived.getHeader('X-No'), '-1')
    assert.equal(arrived.getHeader('X-Late'), null, 'the message goes out as it was at t_relay')
  })

  it('is_myself, loose_route and mf_process_maxfwd_header return the same as in OpenSIPS', async () => {
    await using lab = await Lab.open(
      `request_route(msg) {
        const port = msg.dst_address[1]
        msg.appendHeader('X-Said', [
          msg.call_function('is_myself', '127.0.0.1', port), msg.call_function('is_myself', '127.0.0.1'),
          msg.call_function('is_myself', '127.0.0.1', 1), msg.call_function('is_myself', 'SIP.example.org'),
          msg.call_function('loose_route'), msg.call_function('mf_process_maxfwd_header', 10),
        ].join(' '))
        msg.set_dst_uri(A)
        return 1
      }`,
      { alias: ['sip.example.org'] },
    )
    const arrived = await said(lab, 'OPTIONS')
    assert.equal(arrived.getHeader('X-Said'), '1 1 -1 1 -1 1')
    assert.equal(arrived.getHeader('Max-Forwards'), '9')
  })

  it('refuse wrong arguments and the wrong route at the call', async () => {
    await using lab = await Lab.open(
      `request_route(msg) {
        const errors = []
        for (const call of [['sl_send_reply', 99, 'x'], ['t_on_failure', 'none'], ['append_hf', 'no colon'],
          ['append_hf', 'A: 1', 'B'], ['record_route', 'a\\r\\nb'], ['mf_process_maxfwd_header', 0],
          ['t_check_status', '486'], ['append_branch', 'not a uri']]) {
          try { msg.call_function(...call) } catch (error) { errors.push(call[0]) }
        }
        msg.appendHeader('X-Errors', errors.join(' '))
        msg.set_dst_uri(A)
        return 1
      }`,
    )
    const arrived = await said(lab, 'OPTIONS')
    assert.equal(
      arrived.getHeader('X-Errors'),
      'sl_send_reply t_on_failure append_hf append_hf record_route mf_process_maxfwd_header t_check_status append_branch',
    )
  })

  it('xlog writes to the log of the proxy', async () => {
    await using lab = await Lab.open(
      `request_route(msg) { msg.call_function('xlog', 'L_WARN', 'seen $rm'); return msg.call_function('drop') }`,
    )
    lab.request('OPTIONS')
    await lab.settled()
    assert.deepEqual(
      lab.log.records.map(({ level, message }) => [level, message]),
      [['warn', 'seen $rm']],
    )
  })
})

describe('the log of the proxy', () => {
  it('has one line for each request that the proxy itself refuses: reason, source and Call-ID', async () => {
    const cases: [Parameters<Lab['request']>, status: number, why: RegExp][] = [
      [['OPTIONS', { uri: 'sip:bob@exa mple' }], 400, /400: Bad Request: /],
      [['OPTIONS', { headers: [['Proxy-Require', 'x']] }], 420, /420: Bad Extension$/],
      [
        ['INVITE', { uri: 'mailto:bob@example.net' }],
        416,
        /416: no SIP URI leads on: mailto:bob@example\.net$/,
      ],
      [
        ['INVITE', { uri: 'sips:127.0.0.1' }],
        500,
        /500: tls to 127\.0\.0\.1: none of the sockets is tls over IPv4$/,
      ],
      [['INVITE', { uri: 'sip:false@example.net' }], 500, /500: the script returned -1$/],
    ]
    for (const [request, status, why] of cases) {
      await using lab = await Lab.open(`request_route(msg) { return msg.RURI.includes('false') ? -1 : 1 }`)
      const { message } = { message: lab.request(...request) }
      while ((await lab.client.next()).status !== status);
      const [line, ...more] = lab.log.records.filter(({ message: text }) => /refused/.test(text))
      assert.deepEqual(more, [])
      assert.match(
        line!.message,
        new RegExp(`^${message.method} from udp 127\\.0\\.0\\.1:${lab.client.port} refused with `),
      )
      assert.match(line!.message, why)
      assert.equal(line!.fields.callId, 'lab@example.com')
    }
  })

  it('keeps an xlog text on its line, and shortens a long one', async () => {
    await using lab = await Lab.open(
      `request_route(msg) {
        for (const text of ['a\\r\\nFATAL: forged\\x1b[2J', 'x'.repeat(100000)]) msg.call_function('xlog', 'L_INFO', text)
        return msg.call_function('xlog', '__proto__', 'odd level\\n')
      }`,
    )
    lab.request('OPTIONS')
    await lab.settled()
    const lines = lab.log.records.filter(({ level }) => level !== 'warn')
    assert.deepEqual(
      lines.map(({ level, message }) => [level, message.slice(0, 50)]),
      [
        ['info', 'a\\r\\nFATAL: forged\\u001b[2J'],
        ['info', 'x'.repeat(50)],
        ['error', 'odd level'],
      ],
    )
    assert.ok(lines[1]!.message.length < 10_000)
  })
})

describe('reload and end', () => {
  it('refuses new requests while requests in progress finish', async () => {
    await using lab = await Lab.open(`request_route(msg) { msg.set_dst_uri(A); return 1 }`, {
      drainTimeoutMs: 10_000,
    })
    lab.request('INVITE')
    await lab.client.next(100)
    const arrived = await lab.servers[0]!.next('INVITE')
    const closed = lab.proxy.close()
    assert.equal(lab.proxy.health().status, 'draining')
    lab.request('INVITE')
    assert.equal((await lab.client.next(503)).getHeader('Retry-After'), '10')
    lab.servers[0]!.reply(arrived, 486)
    await lab.client.next(486)
    await closed
    assert.equal(lab.proxy.health().status, 'closed')
  })
})

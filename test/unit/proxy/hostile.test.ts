/** Whatever peers and scripts send, the process does not end, every call gets an answer, and nothing is a fault. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { reply, type SIPMessage } from '@siplet/sipmsg'
import { ISOLATIONS } from '../../support/engine.ts'
import { Lab } from '../../support/sip-peer.ts'

const NUL = '\0'

async function noFaults(lab: Lab): Promise<void> {
  const faults = lab.log.records.filter(({ fields }) => fields.at !== undefined)
  assert.deepEqual(
    faults.map(({ message, fields }) => `${message} ${(fields.err as Error).stack}`),
    [],
  )
  assert.doesNotMatch(await lab.proxy.metrics(), /siplet_proxy_faults_total\{/)
}

/** Sends a request again as time passes, as UDP clients do, until it has a final reply. Returns that reply. */
async function finalTo(lab: Lab, request: SIPMessage, steps = 100): Promise<SIPMessage> {
  const { branch } = request.topVia!
  const isFinal = (message: SIPMessage) => message.status! >= 200 && message.topVia?.branch === branch
  for (let step = 0; step < steps; step++) {
    for (let turn = 0; turn < 10 || lab.proxy.load.scripts > 0; turn++) {
      const final = lab.client.received.find(isFinal)
      if (final !== undefined) {
        if (request.method === 'INVITE') lab.follow('ACK', request, final.getHeader('To')!)
        return final
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
    lab.clock.advance(4_000)
    lab.resend(request)
  }
  return assert.fail(`${request.method} ${request.ruri} has no final reply: ${lab.client.summary()}`)
}

for (const isolation of ISOLATIONS) {
  describe(`messages that once ended the process, isolation ${isolation}`, function () {
    this.timeout(60_000)

    it('NUL in the Content-Type of a request that moves to TCP', async () => {
      const server = createServer((socket) => void socket.on('error', () => {}).resume()).listen(
        0,
        '127.0.0.1',
      )
      await once(server, 'listening')
      const { port } = server.address() as { port: number }
      {
        await using lab = await Lab.open('request_route() { return 1 }', {
          isolation,
          listen: ['udp:127.0.0.1:0', 'tcp:127.0.0.1:0'],
        })
        const message = lab.request('MESSAGE', { uri: `sip:127.0.0.1:${port};transport=tcp` })
        lab.client.received.length = 0
        const text = message.text.replace('z9hG4bK-lab-1', 'z9hG4bK-nul').replace(/Content-Length.*\r\n/, '')
        lab.client.send(text.replace('\r\n\r\n', `\r\nContent-Type: a/b${NUL}\r\n\r\n`), lab.port)
        lab.clock.advance(32_000)
        lab.request('OPTIONS', { uri: lab.servers[0]!.uri })
        lab.servers[0]!.reply(await lab.servers[0]!.next('OPTIONS'), 200)
        await lab.client.next(200)
        await noFaults(lab)
      }
      server.close()
    })

    it('NUL in the challenge of a second branch', async () => {
      await using lab = await Lab.open(
        `request_route(msg) { msg.rewrite_ruri(A); msg.call_function('append_branch', B); return msg.call_function('t_relay') }`,
        { isolation },
      )
      lab.request('INVITE')
      await lab.client.next(100)
      const [a, b] = lab.servers
      a!.reply(await a!.next('INVITE'), 401, { headers: [['WWW-Authenticate', 'Digest realm="a"']] })
      await a!.next('ACK')
      const second = await b!.next('INVITE')
      const challenges = `WWW-Authenticate: Digest realm="b${NUL}"\r\nWWW-Authenticate: Digest realm="\xff\xc3"\r\n`
      const refusal = reply(second, 401).text.replace('Content-Length', () => `${challenges}Content-Length`)
      b!.sendRaw(Buffer.from(refusal, 'latin1'), lab.port)
      const answer = await lab.client.next(401)
      assert.deepEqual(answer.getHeadersBytes('WWW-Authenticate'), [
        'Digest realm="a"',
        'Digest realm="\xff\xc3"',
      ])
      await noFaults(lab)
    })

    it("record_route('a=b@c:99999') is an error at the call", async () => {
      await using lab = await Lab.open(
        `request_route(msg) {
          try { msg.call_function('record_route', 'a=b@c:99999') } catch { msg.appendHeader('X-Error', 'yes') }
          msg.set_dst_uri(A)
          return 1
        }`,
        { isolation },
      )
      lab.request('INVITE')
      await lab.client.next(100)
      const arrived = await lab.servers[0]!.next('INVITE')
      assert.equal(arrived.getHeader('X-Error'), 'yes')
      assert.equal(arrived.getHeader('Record-Route'), null)
      lab.servers[0]!.reply(arrived, 486)
      await lab.client.next(486)
      await noFaults(lab)
    })
  })
}

const ODD = [
  '',
  ' ',
  '\r\n',
  'a\r\nX-Smuggled: 1',
  NUL,
  'x'.repeat(65_536),
  'é日本\u{1f600}',
  '\xff\xfe',
  '-1',
  '0',
  '99999',
  '1e400',
  'NaN',
  'null',
  'a=b@c:99999',
  ';;;;==',
  'sip:',
  'sip:@',
  'sip:x@h:99999',
  'sip:x@127.0.0.1:0',
  'sip:x@[::1%lo]:5060',
  'sip:x@[fe80::1]',
  'sip:0.0.0.0:9',
  'sip:255.255.255.255:9',
  'sip:127.255.255.255:9',
  'sips:127.0.0.1',
  'udp:127.0.0.1:99999',
  'tls:127.0.0.1:1',
  'ws:127.0.0.1:1',
  'sctp:127.0.0.1:5060',
  'tel:+123',
  'mailto:a@b',
  '__proto__',
  'constructor',
  'toString',
  'L_WARN',
  '(((((((((((',
  '(|)'.repeat(33),
  '[',
  '4**',
  'Via',
  'Content-Length',
  'Content-Length: 99999',
  'Via: SIP/2.0/UDP x',
  '200',
  '180',
]
const FUNCTIONS =
  'sl_send_reply t_reply t_relay forward append_branch t_on_branch t_on_reply t_on_failure t_check_status record_route loose_route drop append_hf remove_hf is_myself mf_process_maxfwd_header xlog'.split(
    ' ',
  )

/** Correct first arguments, so that a wrong first argument does not hide the second. */
const RIGHT: Record<string, string> = {
  sl_send_reply: '404',
  t_reply: '404',
  append_hf: 'X: 1',
  xlog: 'L_INFO',
  is_myself: 'h',
  t_relay: '',
  append_branch: 'sip:127.0.0.1:9',
}
/** Calls that intentionally leave a request without an answer. */
const UNANSWERED = ['drop', 'forward']

describe('functions with odd arguments', function () {
  this.timeout(120_000)
  /** X-Job selects the function, the route, the argument, and whether it is the second one. */
  const SCRIPT = `
    odd(msg, route) {
      const [where, name, index, second] = (msg.getHeader('X-Job') ?? '').split(' ')
      if (where !== route) return
      const odd = ${JSON.stringify(ODD)}[index]
      try { msg.call_function(name, ...(second === 'second' ? [${JSON.stringify(RIGHT)}[name] ?? '', odd] : [odd])) } catch {}
    },
    request_route(msg) {
      msg.set_dst_uri(A)
      msg.call_function('t_on_branch', 'branch')
      msg.call_function('t_on_reply', 'replies')
      msg.call_function('t_on_failure', 'failed')
      this.odd(msg, 'request')
      return 1
    },
    branch(msg) { this.odd(msg, 'branch'); return 1 },
    replies(msg) { this.odd(msg, 'reply'); return 1 },
    failed(msg) { this.odd(msg, 'failure'); return 1 }`

  for (const route of ['request', 'branch', 'reply', 'failure']) {
    it(`in the ${route} route: ${FUNCTIONS.length} functions, ${ODD.length} arguments, first and second`, async () => {
      await using lab = await Lab.open(SCRIPT)
      const server = lab.servers[0]!
      server.answer = (request) => {
        const headers: [string, string][] = [['X-Job', request.getHeader('X-Job') ?? '']]
        if (request.method !== 'INVITE') return
        server.reply(request, 180, { headers })
        server.reply(request, 486, { headers })
      }
      for (const name of FUNCTIONS) {
        const unanswered = route === 'request' && UNANSWERED.includes(name)
        for (const index of ODD.keys()) {
          const places = name in RIGHT ? ['first', 'second'] : ['first']
          const requests = places.map((place) =>
            lab.request('INVITE', { headers: [['X-Job', `${route} ${name} ${index} ${place}`]] }),
          )
          if (unanswered) await lab.settled()
          else for (const request of requests) await finalTo(lab, request)
          lab.client.received.length = 0
        }
        server.received.length = 0
      }
      await noFaults(lab)
    })
  }
})

describe('append_hf with a text that is costly to read', function () {
  this.timeout(60_000)
  const LONG = {
    'spaces and a CR within the value': "'X: ' + ' '.repeat(200_000) + 'x\\rx'",
    'tens of thousands of headers': "'a:b\\n'.repeat(40_000)",
  }
  for (const [what, text] of Object.entries(LONG)) {
    it(`${what}: the message is answered`, async () => {
      await using lab = await Lab.open(`request_route(msg) {
        try { msg.call_function('append_hf', ${text}) } catch {}
        return msg.call_function('sl_send_reply', 404, 'Not Found')
      }`)
      await finalTo(lab, lab.request('OPTIONS'))
      await noFaults(lab)
    })
  }
})

const VALUES: [what: string, value: string][] = [
  ['nothing', ''],
  ['NUL', `x${NUL}y`],
  ['CR', 'x\ry'],
  ['LF that begins no line', 'x\n y'],
  ['Latin-1', 'x\xe4y'],
  ['broken UTF-8', 'x\xc3'],
  ['20,000 characters', 'x'.repeat(20_000)],
  ['commas', ','.repeat(100)],
  ['an open quote', '"'],
  ['an open bracket', '<'],
  ['a huge number', '9'.repeat(40)],
  ['a negative number', '-1'],
]
const NAMES =
  'WWW-Authenticate Proxy-Authenticate Authorization Contact Record-Route Route Retry-After Max-Forwards Content-Type Content-Length Content-Disposition Proxy-Require Require Supported Unsupported Via To From Call-ID CSeq Timestamp Date Expires Server User-Agent RSeq RAck Event Path Service-Route Warning'.split(
    ' ',
  )

for (const [what, value] of VALUES) {
  describe(`headers of a peer with ${what}`, function () {
    this.timeout(60_000)

    it('in requests: each is answered', async () => {
      await using lab = await Lab.open(
        `request_route(msg) { msg.call_function('record_route'); msg.set_dst_uri(A); return 1 }`,
        {
          listen: ['udp:127.0.0.1:0', 'tcp:127.0.0.1:0'],
        },
      )
      const server = lab.servers[0]!
      server.answer = (request) => request.method === 'INVITE' && server.reply(request, 200)
      for (const name of NAMES) {
        for (const place of ['instead', 'again']) {
          const invite = lab.request('INVITE')
          await lab.settled()
          const text = invite.text.replace(/branch=[\w-]+/, `branch=z9hG4bK-${name}-${place}`)
          const line = `\r\n${name}: ${value}\r\n`
          const had = new RegExp(`\\r\\n${name}: [^\\r]*\\r\\n`, 'i').exec(text)
          const bad =
            place === 'again' || had === null
              ? text.replace(/\r\n/, () => line)
              : text.replace(had[0], () => line)
          lab.client.sendRaw(Buffer.from(bad, 'latin1'), lab.port)
          await lab.settled()
        }
      }
      await noFaults(lab)
    })

    it('in replies: the caller gets an answer', async () => {
      await using lab = await Lab.open(
        `request_route(msg) { msg.rewrite_ruri(A); msg.call_function('append_branch', B); msg.call_function('t_on_reply', 'replies'); return msg.call_function('t_relay') },
         replies(msg) { msg.appendHeader('X-Seen', 'yes'); return 1 }`,
      )
      for (const status of [183, 200, 401, 503]) {
        for (const name of NAMES) {
          for (const server of lab.servers) {
            server.answer = (request) => {
              if (request.method !== 'INVITE') return
              const good = reply(request, status, {
                toTag: 't',
                headers: [['WWW-Authenticate', 'Digest realm="a"']],
              }).text
              const bad = good.replace(/\r\n(?=Content-Length)/, () => `\r\n${name}: ${value}\r\n`)
              server.sendRaw(Buffer.from(bad, 'latin1'), lab.port)
              server.sendRaw(Buffer.from(good.replace(/^(SIP\/2.0) \d+/, '$1 486'), 'latin1'), lab.port)
            }
          }
          const invite = lab.request('INVITE')
          await finalTo(lab, invite)
          lab.client.received.length = 0
        }
      }
      await noFaults(lab)
    })
  })
}

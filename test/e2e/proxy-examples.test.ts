/** The examples for the proxy, unmodified. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createProxy } from '@siplet/proxy'
import { serve } from '../../examples/proxy/embedded-in-sip.ts'
import { siplet } from '../support/cli.ts'
import { handler, keepingLogger, scriptFile } from '../support/engine.ts'
import { SIPPeer } from '../support/sip-peer.ts'
import { SIPP_MISSING, Sipp, sipp } from '../support/sipp.ts'
import { TORTURE } from '../support/torture.ts'

const example = (name: string) => fileURLToPath(new URL(`../../examples/proxy/${name}`, import.meta.url))

function request(method: string, uri: string, port: number, more = ''): string {
  return `${method} ${uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bK-${Math.random()}\r\nMax-Forwards: 70\r\nFrom: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\nCall-ID: ${Math.random()}\r\nCSeq: 1 ${method}\r\n${more}Content-Length: 0\r\n\r\n`
}

for (const name of ['router.ts', 'router.py']) {
  describe(`examples/proxy/${name}`, () => {
    it('fails over to the other back end, refuses REGISTER, and removes the Server header', async () => {
      const [client, even, odd] = [await SIPPeer.open(), await SIPPeer.open(), await SIPPeer.open()]
      const source = readFileSync(example(name), 'utf8')
        .replace(/\b5071\b/, String(even.port))
        .replace(/\b5072\b/, String(odd.port))
      {
        await using proxy = await createProxy(
          {
            listen: ['udp:127.0.0.1:0'],
            script: { file: scriptFile(source, name), timeoutMs: 1_000 },
            drainTimeoutMs: 1,
          },
          { logger: keepingLogger() },
        )
        const { port } = proxy.listening[0]!
        client.send(request('REGISTER', 'sip:example.com', client.port), port)
        await client.next(403)
        client.send(request('INVITE', 'sip:+4930123@example.com', client.port), port)
        await client.next(100)
        odd.reply(await odd.next('INVITE'), 503)
        const second = await even.next('INVITE')
        assert.equal(second.getHeaders('Record-Route').length, 1)
        even.reply(second, 486, { headers: [['Server', 'even/1']] })
        assert.equal((await client.next(486)).getHeader('Server'), null)
      }
      for (const peer of [client, even, odd]) peer.close()
    })

    for (const isolation of ['inline', 'thread', 'process'] as const) {
      it(`routes a whole call, and relays nothing to other hosts, in isolation ${isolation}`, async () => {
        const [client, even, odd, stranger] = await Promise.all([1, 2, 3, 4].map(() => SIPPeer.open()))
        const source = readFileSync(example(name), 'utf8')
          .replace(/\b5071\b/, String(even!.port))
          .replace(/\b5072\b/, String(odd!.port))
        {
          const script = { file: scriptFile(source, name), timeoutMs: 1_000, isolation }
          await using proxy = await createProxy(
            { listen: ['udp:127.0.0.1:0'], script, drainTimeoutMs: 1 },
            { logger: keepingLogger() },
          )
          const { port } = proxy.listening[0]!
          const own = `Route: <sip:127.0.0.1:${port};lr>\r\n`
          const send = (method: string, uri: string, more = '', to = '') =>
            client!.send(
              request(method, uri, client!.port, more).replace(
                '<sip:b@example.com>',
                `<sip:b@example.com>${to}`,
              ),
              port,
            )
          // A Route that names us as outbound proxy is not a preloaded route.
          send('INVITE', 'sip:+4930124@example.com', own)
          await client!.next(100)
          even!.reply(await even!.next('INVITE'), 200, {
            toTag: 'b',
            headers: [['Contact', `<${even!.uri}>`]],
          })
          const ok = await client!.next(200)
          const route = `Route: ${ok.getHeader('Record-Route')}\r\n`
          send('ACK', even!.uri, route, ';tag=b')
          await even!.next('ACK')
          send('BYE', even!.uri, route, ';tag=b')
          even!.reply(await even!.next('BYE'), 200)
          await client!.next(200)
          // The back end sends to the caller.
          const info = request('INFO', client!.uri, even!.port, route).replace(
            '<sip:b@example.com>',
            '<sip:b@example.com>;tag=c',
          )
          even!.send(info, port)
          client!.reply(await client!.next('INFO'), 200)
          await even!.next(200)

          const away = `Route: <sip:127.0.0.1:${port};lr>, <${stranger!.uri};lr>\r\n`
          for (const method of ['INVITE', 'MESSAGE', 'OPTIONS', 'REGISTER']) {
            send(method, stranger!.uri, away)
            await client!.next(403)
            send(method, stranger!.uri, `Route: <${stranger!.uri};lr>\r\n`)
            await client!.next(403)
            for (const lines of [away, route, `Route: <${stranger!.uri}>\r\n`, '']) {
              send(method, stranger!.uri, lines, ';tag=made-up')
              await client!.next(404)
            }
            send('ACK', stranger!.uri, away)
            send('ACK', stranger!.uri, away, ';tag=made-up')
          }
          // The Route names a back end but leads elsewhere.
          const hidden = `Route: "${even!.uri}" <${stranger!.uri};lr>\r\n`
          send('OPTIONS', `${even!.uri};maddr=${stranger!.uri.slice(4)}`, own + hidden, ';tag=made-up')
          even!.reply(await even!.next('OPTIONS'), 481)
          await client!.next(481)
          assert.equal(stranger!.summary(), '')
        }
        for (const peer of [client, even, odd, stranger]) peer!.close()
      })
    }
  })
}

describe('the calls of SIPp that docs/proxy.md shows', function () {
  this.timeout(60_000)

  it('succeed through the example router', async function () {
    if (SIPP_MISSING !== null) {
      console.log(`      SKIPPED: ${SIPP_MISSING}`)
      this.skip()
    }
    const free = await Promise.all([SIPPeer.open(), SIPPeer.open(), SIPPeer.open()])
    const [even, odd, caller] = free.map(({ port }) => port) as [number, number, number]
    for (const peer of free) peer.close()
    const backEnd = (port: number) =>
      new Sipp(['-sf', example('back-end.xml'), '-i', '127.0.0.1', '-p', String(port)])
    await using _even = backEnd(even)
    await using _odd = backEnd(odd)
    const source = readFileSync(example('router.ts'), 'utf8')
      .replace(/\b5071\b/, String(even))
      .replace(/\b5072\b/, String(odd))
    await using proxy = await createProxy(
      {
        listen: ['udp:127.0.0.1:0'],
        script: { file: scriptFile(source, 'router.ts'), timeoutMs: 5_000 },
        drainTimeoutMs: 1,
      },
      { logger: keepingLogger() },
    )
    const { port } = proxy.listening[0]!
    const to = ['-i', '127.0.0.1', '-p', String(caller), `127.0.0.1:${port}`]
    const { successful, failed, errors } = await sipp([
      '-sf',
      example('call.xml'),
      ...to,
      '-m',
      '20',
      '-r',
      '10',
    ])
    assert.deepEqual({ successful, failed }, { successful: 20, failed: 0 }, errors)
    assert.deepEqual([proxy.load.unfinished, proxy.load.contexts], [0, 0])
  })
})

describe('examples/proxy/embedded-in-sip.ts', () => {
  it('is less than 100 lines long', () => {
    assert.ok(readFileSync(example('embedded-in-sip.ts'), 'utf8').trimEnd().split('\n').length < 100)
  })

  it('routes with the script inside the SIP stack of the npm package sip', async () => {
    const [client, server] = [await SIPPeer.open(), await SIPPeer.open()]
    const probe = createSocket('udp4').bind(0, '127.0.0.1')
    await once(probe, 'listening')
    const { port } = probe.address()
    probe.close()
    const script = scriptFile(
      `function mod_init() { return {
        child_init() { return 0 },
        request_route(msg) {
          if (msg.Method === 'REGISTER') return msg.call_function('sl_send_reply', 403, 'No Registrar')
          msg.rewrite_ruri('sip:carol@example.net')
          msg.set_dst_uri('${server.uri}')
          return 1
        },
        onreply_route(msg) { msg.appendHeader('X-Seen', msg.Status); return 1 },
      } }`,
    )
    const stop = await serve(script, port)
    try {
      client.send(request('REGISTER', 'sip:example.com', client.port), port)
      await client.next(403)
      client.send(request('OPTIONS', 'sip:b@example.com', client.port), port)
      const arrived = await server.next('OPTIONS')
      assert.equal(arrived.ruri, 'sip:carol@example.net')
      server.reply(arrived, 200)
      const answer = await client.next(200)
      assert.equal(answer.getHeader('X-Seen'), '200')
      assert.equal(answer.vias.length, 1)
    } finally {
      await stop()
      client.close()
      server.close()
    }
  })
})

describe('siplet serve', () => {
  const folder = mkdtempSync(join(tmpdir(), 'siplet-serve-'))
  after(() => rmSync(folder, { recursive: true }))

  it('--check accepts the example', async () => {
    const { exitCode, stdout, stderr } = await siplet(['serve', example('proxy.yaml'), '--check'])
    assert.equal(exitCode, 0, stderr)
    assert.match(
      stdout,
      /proxy.yaml: ok; udp:127.0.0.1:5060, tcp:127.0.0.1:5060; .*request_route, within_dialog, failover/,
    )
  })

  it('--check reports every mistake and exits with code 2', async () => {
    const path = join(folder, 'bad.yaml')
    writeFileSync(path, 'listen: [udp:0.0.0.0:5060, tls:127.0.0.1:5061]\nscript: { file: 7, speed: 1 }\n')
    const { exitCode, stderr } = await siplet(['serve', path, '--check'])
    assert.equal(exitCode, 2)
    assert.match(
      stderr,
      /ERR_SIPLET_PROXY_CONFIG: .*bad\.yaml: listen.0: .*say which one.*script.file: must be text, .*script: speed: no such option/,
    )
    const { stderr: missing, exitCode: of } = await siplet(['serve', join(folder, 'none.yaml')])
    assert.equal(of, 2)
    assert.match(missing, /none\.yaml: there is no such file$/m)
  })

  for (const [title, text, said] of [
    [
      'a misspelled option',
      'listn: [udp:127.0.0.1:0]\nscript: { file: r.js }',
      /listn: no such option; did you mean listen\?/,
    ],
    [
      'a misspelled option inside another option',
      'listen: [udp:127.0.0.1:0]\nscript: { file: r.js, timeout: 5 }',
      /script: timeout: no such option; did you mean timeoutMs\?/,
    ],
    ['an option that resembles no known option', 'frobnicate: 1', /frobnicate: no such option(?!; did)/],
    [
      'a missing option',
      'http: 127.0.0.1:9060',
      /listen: is missing, such as listen: \[udp:192\.0\.2\.1:5060\]; script: is missing, such as script: \{ file: router\.ts \}/,
    ],
    [
      'text instead of a list',
      'listen: udp:127.0.0.1:0',
      /listen: must be a list, such as listen: \[udp:.*\], not "udp:127\.0\.0\.1:0"/,
    ],
    [
      'a word that is not one of the choices',
      'logLevel: loud',
      /logLevel: must be one of debug, info, .*, not "loud"/,
    ],
    [
      'a number out of range',
      'script: { file: r.js, memoryMb: 1 }',
      /script\.memoryMb: must be at least 8, not 1/,
    ],
    ['no content', '', /configuration: must be options by name, not null/],
  ] as const) {
    it(`explains how to correct a configuration with ${title}`, async () => {
      const path = join(folder, 'wrong.yaml')
      writeFileSync(path, text)
      const { stderr, exitCode } = await siplet(['serve', path])
      assert.equal(exitCode, 2)
      assert.match(stderr, said)
      assert.match(stderr, /^siplet: ERR_SIPLET_PROXY_CONFIG: .*wrong\.yaml: /)
    })
  }

  it('--check tries the sockets: it warns about a port in use, and refuses an address of another host', async () => {
    const script = scriptFile(handler('request_route() { return 1 }'))
    const used = createSocket('udp4').bind(0, '127.0.0.1')
    const http = createServer().listen(0, '127.0.0.1')
    await Promise.all([once(used, 'listening'), once(http, 'listening')])
    const check = async (listen: string, port: number) => {
      const path = join(folder, 'sockets.json')
      writeFileSync(
        path,
        JSON.stringify({ listen: [listen], script: { file: script }, http: `127.0.0.1:${port}` }),
      )
      return await siplet(['serve', path, '--check'])
    }
    const { port } = http.address() as AddressInfo
    const inUse = await check(`udp:127.0.0.1:${used.address().port}`, port)
    assert.equal(inUse.exitCode, 0)
    assert.match(inUse.stdout, /: ok; /)
    assert.match(inUse.stderr, /^warning: cannot listen on udp:127\.0\.0\.1:\d+: the port is in use/m)
    assert.match(inUse.stderr, /^warning: cannot listen on http 127\.0\.0\.1:\d+: the port is in use/m)
    for (const open of [used, http]) open.close()
    const elsewhere = await check('tcp:192.0.2.1:5060', 0)
    assert.equal(elsewhere.exitCode, 2)
    assert.match(
      elsewhere.stderr,
      /ERR_SIPLET_PROXY_LISTEN: cannot listen on tcp:192\.0\.2\.1:5060: this host has no such address/,
    )
    const free = await check('udp:127.0.0.1:0', 0)
    assert.deepEqual([free.exitCode, free.stderr], [0, ''])
  })

  it('--check reads the certificate and the key', async () => {
    const script = scriptFile(handler('request_route() { return 1 }'))
    const check = async (cert: string) => {
      const path = join(folder, 'tls.json')
      const tls = { cert, key: cert }
      writeFileSync(path, JSON.stringify({ listen: ['tls:127.0.0.1:0'], tls, script: { file: script } }))
      return await siplet(['serve', path, '--check'])
    }
    const missing = await check('none.pem')
    assert.equal(missing.exitCode, 2)
    assert.match(missing.stderr, /ERR_SIPLET_PROXY_CONFIG: tls\.cert: .*none\.pem: there is no such file/)
    writeFileSync(join(folder, 'no.pem'), 'no certificate')
    const useless = await check('no.pem')
    assert.equal(useless.exitCode, 2)
    assert.match(useless.stderr, /ERR_SIPLET_PROXY_CONFIG: tls: .*no\.pem and .*no\.pem are no pair: /)
  })

  it('--log-level takes precedence over logLevel in the file', async () => {
    const script = scriptFile("LM_INFO('loaded\\n'); function mod_init() { return { child_init: () => 0 } }")
    const path = join(folder, 'quiet.json')
    writeFileSync(
      path,
      JSON.stringify({ listen: ['udp:127.0.0.1:0'], script: { file: script }, logLevel: 'warn' }),
    )
    assert.equal((await siplet(['serve', path, '--check'])).stderr, '')
    const { stderr } = await siplet(['serve', path, '--check', '--log-level', 'info'])
    assert.match(stderr, /child 1: loaded\n$/)
  })

  it('reports its health, reloads the script after SIGHUP, and ends after SIGTERM', async () => {
    const [client, script] = [await SIPPeer.open(), join(folder, 'reply.js')]
    const answering = (status: number) =>
      `function mod_init() { return { child_init: () => 0, request_route: (msg) => msg.call_function('sl_send_reply', ${status}, 'x') } }`
    writeFileSync(script, answering(404))
    writeFileSync(
      join(folder, 'proxy.json'),
      JSON.stringify({ listen: ['udp:127.0.0.1:0'], script: { file: 'reply.js' }, http: '127.0.0.1:0' }),
    )
    const main = fileURLToPath(new URL('../../packages/cli/bin/siplet.js', import.meta.url))
    const child = spawn(process.execPath, [main, 'serve', join(folder, 'proxy.json')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said += text
    })
    const saying = async (pattern: RegExp): Promise<RegExpExecArray> => {
      for (;;) {
        const match = pattern.exec(said)
        if (match !== null) return match
        assert.equal(child.exitCode, null, said)
        await once(child.stderr, 'data')
      }
    }
    const port = Number((await saying(/udp:127.0.0.1 port (\d+)/))[1])
    const http = (await saying(/(http:\S+)/))[1]
    const health = await fetch(`${http}/health`)
    assert.equal(health.status, 200)
    assert.deepEqual(await health.json(), { status: 'serving', children: 1, unfinished: 0 })
    client.send(request('OPTIONS', 'sip:x@example.com', client.port), port)
    await client.next(404)
    assert.match(
      await (await fetch(`${http}/metrics`)).text(),
      /requests_received_total\{method="OPTIONS"\} 1/,
    )
    writeFileSync(script, 'not a script (')
    child.kill('SIGHUP')
    await saying(/the old script stays in use: /)
    writeFileSync(script, answering(410))
    child.kill('SIGHUP')
    await saying(/the script was reloaded/)
    client.send(request('OPTIONS', 'sip:x@example.com', client.port), port)
    await client.next(410)
    client.send(request('OPTIONS', 'sip:b@exa mple', client.port), port)
    await client.next(400)
    await saying(
      /^\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\] WARN: OPTIONS from udp 127\.0\.0\.1:\d+ refused with 400: .* \(Call-ID 0\.\d+\)$/m,
    )
    child.kill('SIGTERM')
    const [code] = await once(child, 'exit')
    assert.equal(code, 0)
    client.close()
  })
})

/** What the proxy does with messages that it does not refuse with 400. */
const TORTURE_OUTCOMES: Record<string, string> = {
  badvers: '505',
  zeromf: '483',
  bext01: '420',
}
/** Flaws that do not affect routing (RFC 3261 section 16.3 item 1): the endpoints judge them. */
const PASSED_ON = 'escruri baddate regbadct unkscm novelsc unksm2 invut regaut01 sdp01 inv2543'.split(' ')

describe('torture messages (RFC 4475) at the socket', () => {
  it('are refused as the RFC says, or forwarded if the endpoints must judge them; replies are dropped; the proxy continues', async () => {
    const [client, server] = [await SIPPeer.open(), await SIPPeer.open()]
    const source = `function mod_init() { return { child_init: () => 0, request_route(msg) { msg.set_dst_uri('${server.uri}'); return 1 } } }`
    const outcomes: Record<string, string> = {}
    {
      await using proxy = await createProxy(
        {
          listen: ['udp:127.0.0.1:0'],
          script: { file: scriptFile(source), isolation: 'inline', timeoutMs: 1_000 },
          drainTimeoutMs: 1,
        },
        { logger: keepingLogger() },
      )
      const { port } = proxy.listening[0]!
      for (const [index, { name, text }] of TORTURE.entries()) {
        const [replies, passed] = [client.received.length, server.received.length]
        // Each is a transaction of its own. rport makes replies return to the source port.
        client.send(
          text
            .replace(/branch=z9hG4bKkdjuw/, `branch=z9hG4bKtorture${index}`)
            .replace(/(^Via:[^;\r\n]*)/m, '$1;rport'),
          port,
        )
        client.send(request('OPTIONS', 'sip:end@example.com', client.port), port)
        while (server.received.at(-1)?.ruri !== 'sip:end@example.com' || server.received.length === passed) {
          await new Promise((resolve) => setTimeout(resolve, 1))
        }
        server.reply(server.received.at(-1)!, 200)
        while (client.received.at(-1)?.status !== 200 || client.received.length === replies) {
          await new Promise((resolve) => setTimeout(resolve, 1))
        }
        const answer = client.received.slice(replies, -1).at(-1)
        const wasPassed = server.received.length > passed + 1
        outcomes[name.split(':')[0]!] = wasPassed ? 'passed on' : String(answer?.status ?? 'dropped')
      }
      assert.equal(proxy.health().status, 'serving')
      assert.doesNotMatch(await proxy.metrics(), /faults_total{/)
    }
    client.close()
    server.close()
    const expected = TORTURE.map(({ name, text }): [string, string] => {
      const key = name.split(':')[0]!
      if (text.startsWith('SIP/')) return [key, 'dropped']
      return [key, TORTURE_OUTCOMES[key] ?? (PASSED_ON.includes(key) ? 'passed on' : '400')]
    })
    assert.deepEqual(outcomes, Object.fromEntries(expected))
  })
})

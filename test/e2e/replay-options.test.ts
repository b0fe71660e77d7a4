/** siplet replay: selection of messages, pace, comparisons and outputs. */
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, linkSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CaptureEncoder,
  createCaptureStats,
  type Datagram,
  LINKTYPE,
  readSIPMessages,
  tcpFrames,
  udpFrames,
} from '../../packages/cli/src/capture/index.ts'
import { ndjson, siplet } from '../support/cli.ts'
import { pppoe } from '../support/encapsulation.ts'
import { handler, scriptFile } from '../support/engine.ts'
import { INVITE, inviteOf } from '../support/messages.ts'

const CALLS = 'examples/calls.pcapng'
const HANDLER = 'examples/handler.ts'
const TRUE = handler('request_route() { return 1 }')

describe('siplet replay: selection and comparison', () => {
  const folder = mkdtempSync(join(tmpdir(), 'siplet-replay-options-'))
  after(() => rmSync(folder, { recursive: true }))
  const file = (name: string) => join(folder, name)

  /** Writes datagrams that were captured at these seconds. */
  function timed(name: string, ...messages: [at: number, payload: string][]): string {
    const encoder = new CaptureEncoder({ format: 'pcap', linktype: LINKTYPE.RAW })
    const frames = messages.map(([at, payload]) => {
      const datagram: Datagram = {
        src: ['192.0.2.10', 5060],
        dst: ['192.0.2.1', 5060],
        payload: Buffer.from(payload),
      }
      return encoder.frame(
        Math.floor(at),
        (at % 1) * 1e9,
        udpFrames(datagram, { linktype: LINKTYPE.RAW })[0]!,
      )
    })
    writeFileSync(file(name), Buffer.concat([encoder.header, ...frames]))
    return file(name)
  }

  async function frames(...args: string[]): Promise<unknown[]> {
    const run = await siplet(['replay', CALLS, '--script', HANDLER, '--ndjson', '-', ...args])
    assert.equal(run.exitCode, 0, run.stderr)
    return ndjson(run.stdout).map(({ frame }) => frame)
  }

  describe('--filter', () => {
    const all = async () => {
      const { stdout } = await siplet(['replay', CALLS, '--script', HANDLER, '--ndjson', '-'])
      return ndjson(stdout)
    }

    it('accepts fields of the capture, and fields of the decision', async () => {
      const lines = await all()
      const of = (test: (line: Record<string, unknown>) => boolean) =>
        lines.filter(test).map(({ frame }) => frame)
      assert.deepEqual(
        await frames('--filter', 'status >= 400'),
        of(({ status }) => (status as number) >= 400),
      )
      assert.deepEqual(
        await frames('--filter', 'method == "INVITE" and (edited or code < 0) and type == "SIP_REQUEST"'),
        of(
          ({ method, edited, code, type }) =>
            method === 'INVITE' && (edited || (code as number) < 0) === true && type === 'SIP_REQUEST',
        ),
      )
      assert.deepEqual(
        await frames('--filter', 'dstUri ~= "^sip:192[.]"'),
        of(({ dstUri }) => String(dstUri).startsWith('sip:192.')),
      )
    })

    it('counts the messages that it skips; --limit counts only the others', async () => {
      const args = ['--filter', 'method == "INVITE"', '--limit', '3', '--json']
      const { stdout } = await siplet(['replay', CALLS, '--script', HANDLER, ...args])
      const { messages, requests, passedOver } = JSON.parse(stdout)
      assert.deepEqual([messages, requests > 0, passedOver.filter > 0], [3, true, true])
    })

    for (const [expression, reason] of [
      ['method = = 1', /Parse error|Lexical error|Expecting/],
      ['methd == "INVITE"', /there is no field methd/],
      ['constructor == "x"', /there is no field constructor/],
      ['method > 3', /do not compare/],
      ['frame', /not true or false/],
    ] as const) {
      it(`reports a clear error for ${expression}`, async () => {
        const args = ['replay', CALLS, '--script', HANDLER, '--filter', expression]
        const { stderr, exitCode } = await siplet(args)
        assert.equal(exitCode, 2)
        assert.match(stderr, /ERR_SIPLET_USAGE: --filter /)
        assert.match(stderr, reason)
        assert.match(stderr, /fields are frame, file/)
      })
    }
  })

  it('--dedupe skips retransmissions within the 32 s of timer B', async () => {
    const capture = timed(
      'again.pcap',
      [0, INVITE],
      [0.5, INVITE],
      [0.6, inviteOf('other')],
      [31, INVITE],
      [33, INVITE],
    )
    const args = ['replay', capture, '--script', scriptFile(TRUE), '--ndjson', '-']
    const numbers = async (...more: string[]) =>
      ndjson((await siplet([...args, ...more])).stdout).map(({ frame }) => frame)
    assert.deepEqual(await numbers(), [1, 2, 3, 4, 5])
    assert.deepEqual(await numbers('--dedupe'), [1, 3, 5])
  })

  it('--speed runs messages no earlier than they are due; a factor divides the time', async () => {
    const capture = timed('slow.pcap', [0, INVITE], [0.3, INVITE], [1.2, INVITE])
    const args = ['replay', capture, '--script', scriptFile(TRUE), '--json', '--speed']
    const seconds = async (speed: string) => JSON.parse((await siplet([...args, speed])).stdout).seconds
    const [real, twice] = [await seconds('real'), await seconds('2x')]
    assert.ok(real >= 1.19, String(real))
    assert.ok(twice >= 0.59, String(twice))
    assert.match((await siplet([...args, 'fast'])).stderr, /max, real, or a factor/)
  })

  it('writes the finished results and the summary after Ctrl-C, and exits with code 130', async () => {
    const capture = timed('long.pcap', [0, INVITE], [0.01, INVITE], [3_600, INVITE])
    const output = file('interrupted.ndjson')
    const child = spawn(process.execPath, [
      ...['packages/cli/bin/siplet.js', 'replay', capture, '--script', scriptFile(TRUE)],
      ...['--speed', 'real', '--ndjson', output, '--json'],
    ])
    let stdout = ''
    child.stdout.on('data', (text) => {
      stdout += text
    })
    const lines = () => {
      try {
        return ndjson(readFileSync(output, 'utf8')).length
      } catch {
        return 0
      }
    }
    while (lines() < 2 && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20))
    child.kill('SIGINT')
    const [exitCode] = await once(child, 'close')
    assert.equal(exitCode, 130)
    assert.equal(lines(), 2)
    const { messages, endedEarly } = JSON.parse(stdout)
    assert.deepEqual([messages, endedEarly], [2, true])
  })

  it('shows each decision of a live capture when its packet has come; Ctrl-C ends it while no packet comes', async () => {
    const capture = readFileSync(timed('live.pcap', [0, INVITE], [1, INVITE], [2, INVITE]))
    const single = (capture.length - 24) / 3
    const child = spawn(process.execPath, [
      ...['packages/cli/bin/siplet.js', 'replay', '-', '--script', scriptFile(TRUE), '--ndjson', '-'],
    ])
    let stdout = ''
    child.stdout.on('data', (text) => {
      stdout += text
    })
    for (const count of [1, 2, 3]) {
      const start = count === 1 ? 0 : 24 + (count - 1) * single
      child.stdin.write(capture.subarray(start, 24 + count * single))
      while (ndjson(stdout).length < count) await once(child.stdout, 'data')
    }
    child.kill('SIGINT')
    const [exitCode] = await once(child, 'close')
    assert.equal(exitCode, 130)
    assert.equal(ndjson(stdout).length, 3)
  })

  describe('--compare and --expect', () => {
    const one = scriptFile(handler("request_route(msg) { msg.rewrite_ruri('sip:a@192.0.2.7'); return 1 }"))
    const other = scriptFile(
      handler(
        "request_route(msg) { if (msg.Method === 'INVITE') { msg.set_dst_uri('sip:192.0.2.9'); return -1 } msg.rewrite_ruri('sip:a@192.0.2.7'); return 1 }",
      ),
    )

    it('show differing decisions in groups, with frame numbers and the lines of the message', async () => {
      const args = ['replay', CALLS, '--script', one, '--compare']
      const { stdout, exitCode } = await siplet([...args, other])
      assert.equal(exitCode, 0)
      assert.match(stdout, /Decisions that differ: 5\n\n5 × INVITE\n/)
      // `-` is the other script, `+` is --script.
      assert.ok(stdout.includes(`  code\n    - -1    (${other})\n    + 1    (${one})\n`), stdout)
      assert.match(stdout, / {2}dstUri\n {4}- sip:192\.0\.2\.9 .*\n {4}\+ none /)
      assert.match(stdout, /- INVITE sip:.*\n {4}\+ INVITE sip:a@192\.0\.2\.7 SIP\/2\.0\n/)
      assert.match(stdout, /at frame 5 of examples\/calls.pcapng \(Call-ID call-2@example.com\)/)
      assert.equal((await siplet([...args, other, '--fail-on-difference'])).exitCode, 1)
      assert.equal((await siplet([...args, one, '--fail-on-difference'])).exitCode, 0)
      const alone = await siplet(['replay', CALLS, '--script', one, '--fail-on-difference'])
      assert.equal(alone.exitCode, 2)
      assert.match(alone.stderr, /ERR_SIPLET_USAGE: --fail-on-difference needs --compare/)
    })

    it('--expect succeeds if the decisions are as recorded, and fails with a diff otherwise', async () => {
      const recording = file('recorded.ndjson')
      await siplet(['replay', CALLS, '--script', one, '--ndjson', recording])
      const same = await siplet(['replay', CALLS, '--script', one, '--expect', recording])
      assert.equal(same.exitCode, 0, same.stderr)
      const changed = await siplet(['replay', CALLS, '--script', other, '--expect', recording, '--json'])
      assert.equal(changed.exitCode, 1)
      assert.equal(JSON.parse(changed.stdout).differences, 5)
      assert.match(changed.stderr, /5 × INVITE\n {2}code\n {4}- 1/)
    })

    it('--expect refuses a recording of other messages, or one that is too short, too long or malformed', async () => {
      const recording = file('recorded.ndjson')
      const lines = readFileSync(recording, 'utf8').trimEnd().split('\n')
      const cases: [string[], RegExp][] = [
        [lines.slice(1), /line 1 is of another message than frame 1/],
        [lines.slice(0, 10), /it ends before frame 11/],
        [[...lines, lines[0]!], /line 38 and what follows has no message/],
        [['{'], /line 1 cannot be read/],
        [['null'], /line 1 is not what --ndjson writes/],
        [['{"frame":1}'], /line 1 is not what --ndjson writes/],
        [[...lines.slice(0, 3), '[]'], /line 4 is not what --ndjson writes/],
      ]
      for (const [content, message] of cases) {
        writeFileSync(file('bad.ndjson'), content.join('\n'))
        const { stdout, stderr, exitCode } = await siplet([
          'replay',
          CALLS,
          '--script',
          one,
          '--expect',
          file('bad.ndjson'),
        ])
        assert.equal(exitCode, 2)
        assert.match(stderr, /ERR_SIPLET_EXPECTATION/)
        assert.match(stderr, message)
        assert.doesNotMatch(stdout, /Decisions that differ/)
      }
    })

    it('--expect checks the recording before anything runs', async () => {
      writeFileSync(file('no-recording'), 'sip:bob@example.com\n')
      for (const [path, reason] of [
        ['no.ndjson', /--expect no\.ndjson: there is no such file/],
        [folder, /: it is a folder/],
        [file('no-recording'), /: line 1 cannot be read/],
      ] as const) {
        const output = file('not-begun.ndjson')
        const args = ['replay', CALLS, '--script', one, '--expect', path, '--ndjson', output]
        const { stdout, stderr, exitCode } = await siplet(args)
        assert.deepEqual([stdout, exitCode], ['', 2])
        assert.match(stderr, /ERR_SIPLET_EXPECTATION: /)
        assert.match(stderr, reason)
        assert.ok(!existsSync(output))
      }
    })
  })

  describe('outputs that are inputs', () => {
    const capture = file('precious.pcapng')
    const script = file('precious.mjs')
    before(() => {
      writeFileSync(capture, readFileSync(CALLS))
      writeFileSync(file('imported.mjs'), 'export const one = 1\n')
      const source = 'class Router { child_init() { return 0 } request_route() { return one } }'
      writeFileSync(
        script,
        `import { one } from './imported.mjs'\n${source}\nexport const mod_init = () => new Router()\n`,
      )
      symlinkSync(capture, file('soft.pcapng'))
      linkSync(capture, file('hard.pcapng'))
    })

    it('are refused by any path, and nothing is written', async () => {
      const cases: [args: string[], overwritten: RegExp][] = [
        [['--out', capture], /--out .*precious\.pcapng would overwrite .*precious\.pcapng, which is read/],
        [['--out', `${folder}/./precious.pcapng`], /precious\.pcapng, which is read/],
        [['--ndjson', file('soft.pcapng')], /--ndjson .*soft\.pcapng would overwrite .*precious\.pcapng/],
        [['--report', file('hard.pcapng')], /--report .*hard\.pcapng would overwrite .*precious\.pcapng/],
        [['--ndjson', script], /precious\.mjs, which is read/],
        [['--ndjson', file('imported.mjs')], /imported\.mjs, which is read/],
        [['--compare', HANDLER, '--out', HANDLER], /handler\.ts, which is read/],
        [
          ['--expect', file('recorded.ndjson'), '--ndjson', file('recorded.ndjson')],
          /recorded\.ndjson, which is read/,
        ],
        [
          ['--out', file('both'), '--report', file('both')],
          /--report .* would overwrite the output of --out/,
        ],
      ]
      const contents = () =>
        ['precious.pcapng', 'precious.mjs', 'imported.mjs'].map((name) => readFileSync(file(name), 'hex'))
      const before = contents()
      for (const [args, message] of cases) {
        const { stderr, exitCode } = await siplet(['replay', capture, '--script', script, ...args])
        assert.equal(exitCode, 2)
        assert.match(stderr, /ERR_SIPLET_OVERWRITE/)
        assert.match(stderr, message)
      }
      assert.deepEqual(contents(), before)
      assert.ok(!existsSync(file('both')))
    })

    it('do not include devices: two outputs may share a device', async () => {
      const args = ['replay', capture, '--script', script, '--out', '/dev/null', '--ndjson', '/dev/null']
      const { stderr, exitCode } = await siplet(args)
      assert.equal(exitCode, 0, stderr)
    })
  })

  it('leaves the outputs unchanged if the replay cannot begin', async () => {
    const outputs = ['--ndjson', '--out', '--report'].map(
      (option) => [option, file(`earlier${option}`)] as const,
    )
    for (const [, path] of outputs) writeFileSync(path, 'of an earlier run')
    const script = scriptFile(TRUE)
    const args = outputs.flat()
    for (const [given, code] of [
      [['nowhere.pcap', '-s', script], /ERR_SIPLET_CAPTURE_NOT_FOUND/],
      [['package.json', '-s', script], /ERR_SIPLET_CAPTURE_FORMAT/],
      [['nowhere.pcap', 'package.json', '-s', script], /ERR_SIPLET_CAPTURE/],
      [[CALLS, '-s', scriptFile('function {')], /ERR_SIPLET_SCRIPT_SYNTAX/],
      [[CALLS, '-s', script, '--request-method', 'nope'], /ERR_SIPLET_METHOD_NOT_FOUND/],
      [[CALLS, '-s', script, '--expect', 'no.ndjson'], /ERR_SIPLET_EXPECTATION/],
    ] as const) {
      const { stderr, exitCode } = await siplet(['replay', ...given, ...args])
      assert.equal(exitCode, 2)
      assert.match(stderr, code)
      for (const [, path] of outputs) assert.equal(readFileSync(path, 'utf8'), 'of an earlier run')
    }
    // An output that cannot be written is reported before the others are emptied.
    const { stderr } = await siplet(['replay', CALLS, '-s', script, ...args.slice(0, 2), '--report', folder])
    assert.match(stderr, /ERR_SIPLET_OUTPUT: .* cannot be written: it is a folder\n/)
    assert.equal(readFileSync(outputs[0]![1], 'utf8'), 'of an earlier run')
  })

  it('creates empty outputs for captures without SIP', async () => {
    const output = file('empty.ndjson')
    writeFileSync(output, 'of an earlier run')
    const capture = timed('no-sip.pcap', [0, 'hello'])
    const { exitCode } = await siplet(['replay', capture, '-s', scriptFile(TRUE), '--ndjson', output])
    assert.deepEqual([exitCode, readFileSync(output, 'utf8')], [3, ''])
  })

  it('refuses stdout for --out and --report, which must be files', async () => {
    for (const option of ['--out', '--report']) {
      const { stderr, exitCode } = await siplet(['replay', CALLS, '--script', HANDLER, option, '-'])
      assert.equal(exitCode, 2)
      assert.match(stderr, new RegExp(`ERR_SIPLET_USAGE: ${option} writes a file`))
      assert.ok(!existsSync('-'))
    }
  })

  it('prints the path of the report', async () => {
    const report = file('told.html')
    const { stderr, exitCode } = await siplet(['replay', CALLS, '--script', HANDLER, '--report', report])
    assert.deepEqual([exitCode, stderr], [0, `report: ${report}\n`])
  })

  describe('--out', () => {
    const longer = scriptFile(
      handler("request_route(msg) { msg.appendHeader('X-Route', 'a longer message than before'); return 1 }"),
    )

    async function messagesOf(path: string): Promise<string[]> {
      const texts: string[] = []
      for await (const messages of readSIPMessages([path], createCaptureStats())) {
        for (const { src, dst, bytes } of messages) texts.push(`${src} ${dst} ${bytes}`)
      }
      return texts
    }

    it('writes every edited message, in its frame or as UDP, and tshark finds no error', async function () {
      const capture = file('mixed.pcap')
      const encoder = new CaptureEncoder({ format: 'pcapng', linktype: LINKTYPE.ETHERNET })
      const datagram: Datagram = {
        src: ['192.0.2.10', 5060],
        dst: ['192.0.2.1', 5060],
        payload: Buffer.from(INVITE),
      }
      const six: Datagram = { ...datagram, src: ['2001:db8::10', 5060], dst: ['2001:db8::1', 5060] }
      const all = [
        ...udpFrames(datagram, { linktype: LINKTYPE.ETHERNET }),
        ...udpFrames(datagram, { linktype: LINKTYPE.ETHERNET, vlans: [7, 8] }),
        ...udpFrames(six, { linktype: LINKTYPE.ETHERNET }),
        pppoe(udpFrames(datagram, { linktype: LINKTYPE.ETHERNET })[0]!),
        ...udpFrames(datagram, { linktype: LINKTYPE.ETHERNET, mtu: 300 }),
        ...tcpFrames({ ...datagram, sequence: 1 }, { linktype: LINKTYPE.ETHERNET }),
      ]
      writeFileSync(
        capture,
        Buffer.concat([encoder.header, ...all.map((data, k) => encoder.frame(k, 0, data))]),
      )
      const output = file('out.pcapng')
      const { exitCode, stderr } = await siplet(['replay', capture, '--script', longer, '--out', output])
      assert.equal(exitCode, 0, stderr)
      const written = await messagesOf(output)
      assert.equal(written.length, 6)
      const edited = INVITE.replace('\r\n\r\n', '\r\nX-Route: a longer message than before\r\n\r\n')
      for (const text of written) assert.ok(text.endsWith(` ${edited}`), text)
      assert.match(written[2]!, /^2001:db8::10,5060 2001:db8::1,5060 /)
      if (spawnSync('tshark', ['--version']).error !== undefined) {
        console.log('      tshark is not installed: lengths and checksums of --out were NOT checked')
        return this.skip()
      }
      const checks = ['ip', 'udp', 'tcp'].flatMap((name) => ['-o', `${name}.check_checksum:TRUE`])
      const tshark = (...args: string[]) =>
        execFileSync('tshark', ['-r', output, ...checks, ...args], { encoding: 'utf8', stdio: 'pipe' })
      assert.equal(tshark('-Y', '_ws.expert.severity >= 0x00600000'), '')
      const fields = ['sip.Method', 'udp.checksum.status', 'vlan.id', 'pppoe.session_id'].flatMap((name) => [
        '-e',
        name,
      ])
      assert.deepEqual(
        tshark('-T', 'fields', ...fields)
          .trimEnd()
          .split('\n')
          .map((line) => line.split('\t').join(' ').trim()),
        ['INVITE 1', 'INVITE 1 7,8', 'INVITE 1', 'INVITE 1  0x0007', 'INVITE 1', 'INVITE 1'],
      )
      const pppoeLengths = ['pppoe.payload_length', 'ip.len'].flatMap((name) => ['-e', name])
      const [payload, packet] = tshark('-Y', 'pppoes', '-T', 'fields', ...pppoeLengths)
        .split('\t')
        .map(Number)
      assert.equal(payload, packet! + 2, 'the payload is the PPP protocol number and the longer packet')
    })

    it('reports a file that cannot be written', async () => {
      const args = ['replay', CALLS, '--script', HANDLER, '--out', 'no/such/folder']
      const { stderr, exitCode } = await siplet(args)
      assert.equal(exitCode, 2)
      assert.match(stderr, /ERR_SIPLET_OUTPUT: no\/such\/folder cannot be written: there is no such folder\n/)
    })
  })
})

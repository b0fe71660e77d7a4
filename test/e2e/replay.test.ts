/** siplet replay as a process. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { gzipSync } from 'node:zlib'
import { CaptureEncoder, LINKTYPE, udpFrames } from '../../packages/cli/src/capture/index.ts'
import { ndjson, siplet } from '../support/cli.ts'
import { handler, ISOLATIONS, scriptFile } from '../support/engine.ts'
import { INVITE, inviteOf, RINGING } from '../support/messages.ts'
import { replayPeak } from '../support/replay-peak.ts'

const CALLS = 'examples/calls.pcapng'
const HANDLER = 'examples/handler.ts'

describe('siplet replay', () => {
  const folder = mkdtempSync(join(tmpdir(), 'siplet-replay-'))
  after(() => rmSync(folder, { recursive: true }))
  let files = 0

  /** Writes a capture with one payload per frame. */
  function captureOf(...payloads: (string | Buffer)[]): string {
    const encoder = new CaptureEncoder({ format: 'pcap', linktype: LINKTYPE.RAW })
    const frames = payloads.flatMap((payload, k) =>
      udpFrames(
        { src: ['192.0.2.10', 5060], dst: ['192.0.2.1', 5060], payload: Buffer.from(payload) },
        { linktype: LINKTYPE.RAW },
      ).map((frame) => encoder.frame(k, 0, frame)),
    )
    const path = join(folder, `${++files}.pcap`)
    writeFileSync(path, Buffer.concat([encoder.header, ...frames]))
    return path
  }

  it('writes one line per message with exactly the fields of the contract', async () => {
    const { stdout, stderr, exitCode } = await siplet(['replay', CALLS, '--script', HANDLER, '--ndjson', '-'])
    assert.equal(exitCode, 0, stderr)
    const lines = ndjson(stdout)
    assert.equal(lines.length, 37)
    for (const line of lines) {
      assert.deepEqual(
        Object.keys(line),
        'frame file time transport src dst type method status ruri callId cseq exec code ruriOut dstUri edited error us'.split(
          ' ',
        ),
      )
    }
    const { us, ...invite } = lines.find(({ frame }) => frame === 5)!
    assert.equal(typeof us, 'number')
    assert.deepEqual(invite, {
      frame: 5,
      file: CALLS,
      time: '1767254400.423000000',
      transport: 'udp',
      src: ['192.0.2.10', 5060],
      dst: ['192.0.2.1', 5060],
      type: 'SIP_REQUEST',
      method: 'INVITE',
      status: null,
      ruri: 'sip:00493012345678@example.com',
      callId: 'call-2@example.com',
      cseq: '1 INVITE',
      exec: 'request_route',
      code: 1,
      ruriOut: 'sip:+493012345678@example.com',
      dstUri: 'sip:192.0.2.30:5060',
      edited: true,
      error: null,
    })
    const reply = lines.find(({ status }) => status === 603)!
    assert.deepEqual(
      [reply.type, reply.method, reply.ruri, reply.ruriOut, reply.exec],
      ['SIP_REPLY', 'INVITE', null, null, 'onreply_route'],
    )
    assert.deepEqual(lines.filter(({ src }) => (src as string[])[0] === '2001:db8::10').length > 0, true)
  })

  for (const isolation of ISOLATIONS) {
    for (const children of ['1', '2']) {
      it(`makes the same decisions and keeps capture order: ${isolation}, ${children} children`, async () => {
        const args = ['replay', CALLS, '--script', HANDLER, '--ndjson', '-', '--isolation', isolation]
        const { stdout } = await siplet([...args, '--children', children])
        const lines = ndjson(stdout)
        assert.deepEqual(
          lines.map(({ frame }) => frame),
          Array.from({ length: 37 }, (_, k) => k + 1),
        )
        assert.deepEqual(
          lines.filter(({ dstUri }) => dstUri !== null).map(({ frame, dstUri }) => [frame, dstUri]),
          [
            [5, 'sip:192.0.2.30:5060'],
            [12, 'sip:[2001:db8::99]:5060'],
            [26, 'sip:192.0.2.49:5060'],
          ],
        )
        assert.deepEqual(
          lines.filter(({ code }) => (code as number) < 0).map(({ frame }) => frame),
          [33],
        )
      })
    }
  }

  it('prints a summary as text, or as one object with --json', async () => {
    const text = await siplet(['replay', CALLS, '--script', HANDLER])
    assert.equal(text.exitCode, 0)
    assert.match(text.stdout, /37 SIP messages in .* 17 requests, 20 replies/)
    assert.match(text.stdout, /│ INVITE +│ +5 │ +4 │ +1 │/)
    assert.match(text.stdout, /frame 33 {2}INVITE sip:alice@example.com {2}refused/)
    assert.equal(text.stderr, '')
    const json = await siplet(['replay', CALLS, '--script', HANDLER, '--json'])
    const summary = JSON.parse(json.stdout)
    assert.deepEqual(
      [summary.messages, summary.requests, summary.replies, summary.executed, summary.verdicts],
      [37, 17, 20, 37, { true: 33, false: 1, stop: 3 }],
    )
    assert.equal(summary.endedEarly, false)
  })

  it('skips replies if the script has no reply method', async () => {
    const { stdout } = await siplet(['replay', CALLS, '--script', 'examples/handler.js', '--ndjson', '-'])
    const replies = ndjson(stdout).filter(({ type }) => type === 'SIP_REPLY')
    assert.equal(replies.length, 20)
    assert.ok(replies.every(({ exec, code, us }) => exec === null && code === null && us === null))
  })

  it('calls the given methods, with --extra as second argument', async () => {
    const script = scriptFile(
      handler("q(msg, extra) { return extra === 'x y' ? 5 : -5 }, r(msg, extra) { return 6 }"),
    )
    const options = ['--request-method', 'q', '--reply-method', 'r', '--extra', 'x y', '--ndjson', '-']
    const { stdout } = await siplet(['replay', captureOf(INVITE, RINGING), '--script', script, ...options])
    assert.deepEqual(
      ndjson(stdout).map(({ exec, code }) => [exec, code]),
      [
        ['q', 5],
        ['r', 6],
      ],
    )
  })

  it('ends after --limit messages, and reports whether it ended early', async () => {
    const args = ['replay', CALLS, '--script', HANDLER, '--json', '--limit']
    assert.deepEqual(
      await Promise.all(
        ['5', '37'].map(async (limit) => {
          const { messages, endedEarly } = JSON.parse((await siplet([...args, limit])).stdout)
          return [messages, endedEarly]
        }),
      ),
      [
        [5, true],
        [37, false],
      ],
    )
  })

  it('replays a script for siplet serve, and writes its function calls to the NDJSON', async () => {
    const register = INVITE.replaceAll('INVITE', 'REGISTER')
    const args = ['replay', captureOf(INVITE, register, RINGING), '--script', 'examples/proxy/router.ts']
    const { stdout, exitCode } = await siplet([...args, '--ndjson', '-', '--fail-on-error'])
    assert.equal(exitCode, 0)
    const [invite, refused, ringing] = ndjson(stdout)
    assert.equal((invite!.functions as string[]).at(-1), 't_relay() returned 1')
    assert.match(String(invite!.dstUri), /^sip:127\.0\.0\.1:507/)
    assert.equal(
      (refused!.functions as string[]).at(-1),
      'sl_send_reply(403, "No Registrar Here") returned 1',
    )
    assert.ok(!('functions' in ringing!))
    // --compare runs the functions as well.
    const compared = await siplet([...args, '--compare', 'examples/proxy/router.py', '--fail-on-difference'])
    assert.equal(compared.exitCode, 0, compared.stdout)
  })

  it('merges several captures by time, and counts frames from 1 in each of them', async () => {
    const earlier = captureOf(INVITE)
    const { stdout } = await siplet(['replay', CALLS, earlier, '--script', HANDLER, '--ndjson', '-'])
    const lines = ndjson(stdout)
    assert.equal(lines.length, 38)
    assert.deepEqual(
      [lines[0]!.file, lines[0]!.frame, lines[1]!.file, lines[1]!.frame],
      [earlier, 1, CALLS, 1],
    )
  })

  it('replays a compressed capture from stdin', async () => {
    const capture = gzipSync(readFileSync(CALLS))
    const { stdout } = await siplet(['replay', '-', '--script', HANDLER, '--ndjson', '-'], capture)
    const lines = ndjson(stdout)
    assert.deepEqual([lines.length, lines[0]!.file], [37, '-'])
  })

  it('shows script errors in their NDJSON lines and in the summary; --fail-on-error changes the exit code to 1', async () => {
    const script = scriptFile(
      handler("request_route(msg) { if (msg.CallID === 'bad') throw new Error('no'); return 1 }"),
    )
    const capture = captureOf(INVITE, inviteOf('bad'), INVITE)
    const args = ['replay', capture, '--script', script]
    const lenient = await siplet([...args, '--ndjson', '-'])
    assert.equal(lenient.exitCode, 0)
    assert.deepEqual(
      ndjson(lenient.stdout).map(({ code, error }) => [code, error]),
      [
        [1, null],
        [-1, { code: 'ERR_SIPLET_SCRIPT', message: 'Error: no' }],
        [1, null],
      ],
    )
    const strict = await siplet([...args, '--fail-on-error'])
    assert.equal(strict.exitCode, 1)
    assert.match(strict.stdout, /frame 2 of .* INVITE: ERR_SIPLET_SCRIPT: Error: no/)
    assert.match(
      strict.stderr,
      /ERROR: child 1: request_route: Error: no[\s\S]*at Object.request_route \(.*script.js:1:/,
    )
  })

  it('counts script errors by line of the script, also in Python', async () => {
    const script = scriptFile(
      `class Handler:
    def child_init(self, rank):
        return 0
    def request_route(self, msg):
        return lookup(msg.CallID)

def lookup(name):
    return {'good': 1}[name]

def mod_init():
    return Handler()
`,
      'handler.py',
    )
    const capture = captureOf(inviteOf('bad'), inviteOf('good'), inviteOf('worse'))
    const { stdout } = await siplet(['replay', capture, '--script', script, '--log-level', 'silent'])
    assert.ok(
      stdout.includes(`Errors by line of the script:\n  ${script}:8  2 messages, first frame 1\n`),
      stdout,
    )
  })

  it('--timeout-ms and --memory-mb set the limits of the children', async () => {
    const script = scriptFile(
      handler(
        "request_route(msg) { if (msg.CallID === 'loop') for (;;); const all = []; for (;;) all.push('x'.repeat(999) + all.length) }",
      ),
    )
    const limits = ['--timeout-ms', '3000', '--memory-mb', '12', '--log-level', 'silent']
    const { stdout } = await siplet([
      'replay',
      captureOf(inviteOf('bomb')),
      '--script',
      script,
      ...limits,
      '--json',
    ])
    assert.deepEqual(JSON.parse(stdout).errors, { ERR_SIPLET_MEMORY: 1 })
    const loop = ['--timeout-ms', '20', '--log-level', 'silent', '--ndjson', '-']
    const timed = await siplet(['replay', captureOf(inviteOf('loop')), '--script', script, ...loop])
    assert.deepEqual(ndjson(timed.stdout)[0]!.error, {
      code: 'ERR_SIPLET_TIMEOUT',
      message: 'request_route() ran longer than limits.timeoutMs (20 ms); the child was rebuilt',
    })
  })

  describe('with bad input', () => {
    const good = handler('request_route() { return 1 }')

    it('replays the complete messages of a truncated capture, and reports the rest', async () => {
      const capture = captureOf(INVITE, INVITE, INVITE)
      truncateSync(capture, readFileSync(capture).length - 10)
      const { stdout, exitCode } = await siplet(['replay', capture, '--script', scriptFile(good)])
      assert.equal(exitCode, 0)
      assert.match(
        stdout,
        /2 SIP messages[\s\S]*Left out:\n.*from byte \d+ on: the file ends within a record/,
      )
    })

    it('counts non-SIP payloads on port 5060', async () => {
      const capture = captureOf(INVITE, 'hello', '\r\n\r\n')
      const { stdout } = await siplet(['replay', capture, '--script', scriptFile(good), '--json'])
      const { messages, skipped } = JSON.parse(stdout)
      assert.deepEqual([messages, skipped.notSIP, skipped.keepAlive], [1, 1, 1])
    })

    it('exits with code 3 if there is no message to replay, so that a pipeline notices', async () => {
      const script = scriptFile(good)
      for (const args of [
        [captureOf('hello'), '--script', script],
        [captureOf(INVITE), '--script', script, '--filter', 'method == "BYE"'],
      ]) {
        const empty = await siplet(['replay', ...args])
        assert.equal(empty.exitCode, 3)
        assert.match(empty.stderr, /there was no message to replay; --allow-empty accepts this/)
        assert.equal((await siplet(['replay', ...args, '--allow-empty'])).exitCode, 0)
      }
    })

    it('reports but does not run a message that is truncated in its head, and runs one that is truncated in its body', async () => {
      const head = INVITE.slice(0, INVITE.indexOf('To:'))
      const body = INVITE.replace('Content-Length: 0', 'Content-Length: 10')
      const script = scriptFile(good)
      const { stdout, stderr } = await siplet([
        'replay',
        captureOf(head, body),
        '--script',
        script,
        '--ndjson',
        '-',
      ])
      const lines = ndjson(stdout)
      assert.deepEqual(
        lines.map(({ exec, code, error }) => [exec, code, (error as { code: string } | null)?.code]),
        [
          [null, null, 'ERR_SIPLET_MESSAGE_TRUNCATED'],
          ['request_route', 1, undefined],
        ],
      )
      assert.match(stderr, /1 message cut off within the head, not run\n.*1 message with a body shorter/)
    })

    it('shows the results of the first capture if the second one is unusable, and exits with code 2', async () => {
      const output = join(folder, 'kept.ndjson')
      const args = ['replay', CALLS, 'nowhere.pcap', '--script', HANDLER, '--ndjson', output]
      const { stdout, stderr, exitCode } = await siplet(args)
      assert.equal(exitCode, 2)
      assert.equal(ndjson(readFileSync(output, 'utf8')).length, 37)
      assert.match(stdout, /37 SIP messages/)
      assert.equal(
        stderr,
        'siplet: ERR_SIPLET_CAPTURE_NOT_FOUND: capture nowhere.pcap cannot be read: there is no such file\n',
      )
    })

    const unusable: [title: string, args: () => string[], message: RegExp][] = [
      [
        'a file that is not a capture',
        () => ['package.json', '-s', HANDLER],
        /^siplet: ERR_SIPLET_CAPTURE_FORMAT: package.json is neither pcap nor pcapng/,
      ],
      ['empty stdin', () => ['-', '-s', HANDLER], /FORMAT: stdin is not a capture: it is empty\n/],
      [
        'a SIP message',
        () => ['examples/invite.sip', '-s', HANDLER],
        /ERR_SIPLET_CAPTURE_FORMAT: examples\/invite\.sip is neither .* like a SIP message, which siplet exec runs/,
      ],
      [
        'a folder without captures',
        () => ['packages', '-s', HANDLER],
        /ERR_SIPLET_CAPTURE_NOT_FOUND: directory packages contains no capture/,
      ],
      [
        'a script file that does not exist',
        () => [CALLS, '-s', 'no.ts'],
        /ERR_SIPLET_SCRIPT_NOT_FOUND: script no.ts/,
      ],
      [
        'a syntax error',
        () => [CALLS, '-s', scriptFile('function {')],
        /ERR_SIPLET_SCRIPT_SYNTAX: script .*:1:10/,
      ],
      [
        'a script without mod_init',
        () => [CALLS, '-s', scriptFile('1')],
        /ERR_SIPLET_MOD_INIT: child 1: mod_init is not defined/,
      ],
      [
        'a mod_init that throws',
        () => [CALLS, '-s', scriptFile('function mod_init() { throw Error("no") }')],
        /ERR_SIPLET_MOD_INIT: child 1: Error: no \(at/,
      ],
      [
        'a mod_init that returns no object',
        () => [CALLS, '-s', scriptFile('function mod_init() {}')],
        /ERR_SIPLET_MOD_INIT.*must return the object/,
      ],
      [
        'a child_init that returns a negative number',
        () => [CALLS, '-s', scriptFile('const mod_init = () => ({ child_init: () => -1 })')],
        /ERR_SIPLET_CHILD_INIT: child 1: child_init\(1\) returned -1/,
      ],
      [
        'a child_init that throws',
        () => [CALLS, '-s', scriptFile('const mod_init = () => ({ child_init: () => x })')],
        /ERR_SIPLET_CHILD_INIT: child 1: ReferenceError/,
      ],
      [
        'an unknown request method',
        () => [CALLS, '-s', HANDLER, '--request-method', 'nope'],
        /ERR_SIPLET_METHOD_NOT_FOUND: .* has no method nope; it has child_init, request_route, onreply_route/,
      ],
      [
        'an unknown reply method',
        () => [CALLS, '-s', HANDLER, '--reply-method', 'nope'],
        /ERR_SIPLET_METHOD_NOT_FOUND: .*--reply-method/,
      ],
      ['a missing --script option', () => [CALLS], /required option '-s, --script <file>' not specified/],
      [
        'missing arguments',
        () => [],
        /^error: required option '-s, --script <file>' not specified\nerror: missing required argument 'captures'\n/,
      ],
      ['a missing captures argument', () => ['-s', HANDLER], /missing required argument 'captures'/],
      [
        'an invalid number',
        () => [CALLS, '-s', HANDLER, '--children', 'many'],
        /It must be an integer of at least 1/,
      ],
      [
        'an unknown isolation',
        () => [CALLS, '-s', HANDLER, '--isolation', 'docker'],
        /Allowed choices are inline, thread/,
      ],
      ['an unknown option', () => [CALLS, '-s', HANDLER, '--childs', '2'], /unknown option '--childs'/],
      ['two outputs on stdout', () => [CALLS, '-s', HANDLER, '--json', '--ndjson', '-'], /ERR_SIPLET_USAGE/],
      [
        'an output that cannot be written',
        () => [CALLS, '-s', HANDLER, '--ndjson', 'no/such/folder'],
        /ERR_SIPLET_OUTPUT: no\/such\/folder cannot be written: there is no such folder\n/,
      ],
    ]
    for (const [title, args, message] of unusable) {
      it(`reports one clear error for ${title} and exits with code 2`, async () => {
        const { stderr, exitCode } = await siplet(['replay', ...args()])
        assert.equal(exitCode, 2, stderr)
        assert.match(stderr, message)
        assert.doesNotMatch(stderr, /node:internal|packages\/(cli|engine)\/src/)
      })
    }
  })

  it('ends without an error if the reader closes the pipe', async () => {
    const capture = captureOf(...Array.from({ length: 3_000 }, () => INVITE))
    const args = ['packages/cli/bin/siplet.js', 'replay', capture, '-s', HANDLER, '--ndjson', '-']
    const child = spawn(process.execPath, args)
    let stderr = ''
    child.stderr.on('data', (text) => {
      stderr += text
    })
    for await (const _ of createInterface(child.stdout)) break
    child.stdout.destroy()
    const [exitCode] = await once(child, 'close')
    assert.equal(exitCode, 0, stderr)
  })

  it('needs no more memory for a larger capture', async () => {
    const encoder = new CaptureEncoder({ format: 'pcap', linktype: LINKTYPE.RAW })
    const payload = Buffer.from(
      INVITE.replace('Content-Length: 0\r\n\r\n', `Content-Length: 1000\r\n\r\n${'x'.repeat(1_000)}`),
    )
    const [frame] = udpFrames(
      { src: ['192.0.2.10', 5060], dst: ['192.0.2.1', 5060], payload },
      { linktype: LINKTYPE.RAW },
    )
    const records = Buffer.concat(Array.from({ length: 1_000 }, (_, k) => encoder.frame(k, 0, frame!)))
    const peak = async (times: number) => {
      const path = join(folder, `large-${times}.pcap`)
      writeFileSync(path, Buffer.concat([encoder.header, ...Array.from({ length: times }, () => records)]))
      const { summary, peakMiB } = await replayPeak(path, HANDLER)
      assert.equal(summary.messages, times * 1_000)
      return peakMiB
    }
    // Both runs are long enough to be past warm-up: V8 lets its heap grow in the first seconds of every run.
    const [small, large] = [await peak(120), await peak(360)]
    console.log(`      peak memory: ${small.toFixed(0)} MiB for 162 MB, ${large.toFixed(0)} MiB for 486 MB`)
    assert.ok(large < small + 100, `${large} MiB against ${small} MiB`)
  }).timeout(120_000)
})

/** siplet exec and siplet check as processes. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { truncateSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { siplet } from '../support/cli.ts'
import { handler, scriptFile, scriptFolder } from '../support/engine.ts'
import { INVITE, RINGING } from '../support/messages.ts'

const HANDLER = 'examples/handler.ts'

/** Returns a file of zeros that needs no room on the disk. */
function hugeFile(): string {
  const path = scriptFolder().write('huge', '')
  truncateSync(path, 5 * 2 ** 30)
  return path
}

describe('siplet exec', () => {
  it('prints the edited message, byte for byte, and the result on stderr', async () => {
    const message = INVITE.replace('sip:bob@', 'sip:0049301@').replace('Max-Forwards: 70', 'X: \xff')
    const { stdout, stderr, exitCode } = await siplet(
      ['exec', '-', '-s', HANDLER],
      Buffer.from(message, 'utf8'),
    )
    assert.equal(exitCode, 0, stderr)
    const edited = message
      .replace('sip:0049301@', 'sip:+49301@')
      .replace(/\r\n\r\n$/, '\r\nX-Gateway-Prefix: +4930\r\n\r\n')
    assert.equal(stdout, edited)
    assert.match(
      stderr,
      /^request_route returned 1 \(true\), next hop sip:192.0.2.30:5060, edited, \d+ µs\n$/,
    )
  })

  it('reads a file and calls the given method with the extra argument and the addresses', async () => {
    const source = handler(
      "x(msg, extra) { return msg.src_address.join() === '2001:db8::1,5070' && extra === 'e' ? 2 : 3 }",
    )
    const file = `${scriptFile('')}.sip`
    writeFileSync(file, RINGING)
    const options = [
      '--method',
      'x',
      '--extra',
      'e',
      '--src',
      '[2001:db8::1]:5070',
      '--dst',
      '192.0.2.1:5060',
    ]
    const { stderr } = await siplet(['exec', file, '-s', scriptFile(source), ...options])
    assert.match(stderr, /^x returned 2 \(true\), not edited/)
  })

  for (const script of ['router.ts', 'router.py']) {
    it(`runs the functions of siplet serve without a proxy: examples/proxy/${script}`, async () => {
      const run = (method: string) =>
        siplet(['exec', '-', '-s', `examples/proxy/${script}`], INVITE.replaceAll('INVITE', method))
      const invite = await run('INVITE')
      assert.equal(invite.exitCode, 0, invite.stderr)
      assert.match(invite.stdout, /^Max-Forwards: 10\r$/m)
      assert.deepEqual(invite.stderr.split('\n').slice(0, -2), [
        'mf_process_maxfwd_header(10) returned 1',
        'has_totag() returned -1',
        'loose_route() returned -1',
        'record_route() returned 1',
        't_on_failure("failover") returned 1',
        't_relay() returned 1',
      ])
      assert.match(invite.stderr, /request_route returned 1 \(true\), next hop sip:127\.0\.0\.1:507\d/)
      const register = await run('REGISTER')
      assert.match(register.stderr, /^sl_send_reply\(403, "No Registrar Here"\) returned 1$/m)
    })
  }

  it('tells the functions of siplet serve the receiving address, the methods of the script and earlier calls', async () => {
    const script = scriptFile(
      handler(`request_route(msg) {
        const call = (...args) => { try { return msg.call_function(...args) } catch (error) { return error.message } }
        const results = [call('is_myself', '192.0.2.1'), call('is_myself', '192.0.2.1', 5080), call('is_myself', 'x'),
          call('t_on_failure', 'request_route'), call('t_on_failure', 'nope'), call('t_relay'), call('t_relay'), call('t_check_status', '4..')]
        LM_ERR(JSON.stringify(results))
        return 1
      }`),
    )
    const { stderr } = await siplet(['exec', '-', '-s', script, '--dst', '192.0.2.1:5060'], INVITE)
    assert.match(stderr, /^t_on_failure\("nope"\) failed: the script has no method "nope"$/m)
    assert.match(
      stderr,
      /\[1,-1,-1,1,".*no method \\"nope\\"",1,-1,".*t_check_status\(\) is for FAILURE_ROUTE, ONREPLY_ROUTE.*"\]/,
    )
  })

  it('prefers the functions of --functions, including async ones, to the functions of siplet serve', async () => {
    const functions = scriptFile(
      "export const lookup = async (msg, user) => { msg.dstUri = 'sip:' + user + '@192.0.2.9'; return 7 }\nexport const t_relay = (): boolean => true\nexport const VALUE = 1\n",
      'functions.mts',
    )
    const script = scriptFile(
      handler(
        "request_route(msg) { msg.call_function('t_relay'); return msg.call_function('lookup', 'bob') }",
      ),
    )
    for (const isolation of ['inline', 'thread', 'process']) {
      const { stderr, exitCode } = await siplet(
        ['exec', '-', '-s', script, '--functions', functions, '--isolation', isolation],
        INVITE,
      )
      assert.equal(exitCode, 0, stderr)
      assert.match(
        stderr,
        /^t_relay\(\) returned 1\nlookup\("bob"\) returned 7\nrequest_route returned 7 \(true\), next hop sip:bob@192\.0\.2\.9,/,
      )
    }
  })

  for (const [title, source, said] of [
    ['does not exist', null, /ERR_SIPLET_FUNCTIONS: functions .* cannot be loaded: there is no such file/],
    ['exports no function', 'export const x = 1', /ERR_SIPLET_FUNCTIONS: functions .* exports no function/],
    ['cannot be loaded', 'null.x', /ERR_SIPLET_FUNCTIONS: functions .* cannot be loaded: Cannot read/],
  ] as const) {
    it(`reports that the module of --functions ${title}`, async () => {
      const functions = source === null ? 'none.js' : scriptFile(source, 'functions.mjs')
      const { stderr, exitCode } = await siplet(
        ['exec', '-', '-s', HANDLER, '--functions', functions],
        INVITE,
      )
      assert.equal(exitCode, 2)
      assert.match(stderr, said)
    })
  }

  it('reports a script error on stderr and exits with code 1', async () => {
    const script = scriptFile(handler("request_route() { throw new Error('no') }"))
    const { stderr, exitCode } = await siplet(['exec', '-', '-s', script, '--log-level', 'silent'], INVITE)
    assert.equal(exitCode, 1)
    assert.equal(stderr, 'request_route: ERR_SIPLET_SCRIPT: Error: no\n')
  })

  it('prevents the output of a script from moving the cursor or changing colours', async () => {
    const script = scriptFile(
      handler(
        "request_route(msg) { console.warn(msg.getHeader('X') + '\\nnext'); throw new Error(msg.getHeader('X')) }",
      ),
    )
    const message = INVITE.replace('Max-Forwards: 70', 'X: a\x1b[2Jb')
    const { stderr } = await siplet(['exec', '-', '-s', script], message)
    assert.match(stderr, /^WARN: child 1: a\\u001b\[2Jb\n {4}next /m)
    assert.match(stderr, /^request_route: ERR_SIPLET_SCRIPT: Error: a\\u001b\[2Jb$/m)
    assert.doesNotMatch(stderr, /\x1b/)
  })

  it('shows the traceback of a script error in Python line by line, with the file names of the author', async () => {
    const script = scriptFile(
      `class Handler:
    def child_init(self, rank):
        return 0
    def request_route(self, msg):
        msg.rewrite_ruri('sip:b@b')
        return fail(msg)

def fail(msg):
    return msg.nothing

def mod_init():
    return Handler()
`,
      'handler.py',
    )
    const { stdout, stderr, exitCode } = await siplet(['exec', '-', '-s', script], INVITE)
    assert.equal(exitCode, 1)
    assert.match(stdout, /^INVITE sip:b@b SIP\/2\.0\r\n/)
    const [, trace] = /stack: (Traceback[\s\S]*?)\n(?=request_route)/.exec(stderr)!
    assert.deepEqual(
      trace!.split('\n').map((line) => line.trim()),
      [
        'Traceback (most recent call last):',
        `File "${script}", line 6, in request_route`,
        `File "${script}", line 9, in fail`,
        "AttributeError: 'SIPMsg' object has no attribute 'nothing'",
      ],
    )
    assert.match(stderr, /^request_route: ERR_SIPLET_SCRIPT: AttributeError: /m)
  })

  for (const [title, args, message] of [
    ['a missing file', ['nowhere.sip'], /ERR_SIPLET_MESSAGE_NOT_FOUND: message nowhere.sip/],
    ['a file that is not SIP', ['package.json'], /ERR_SIPLET_NOT_SIP: "\{/],
    [
      'a capture',
      ['examples/calls.pcapng'],
      /^siplet: ERR_SIPLET_USAGE: examples\/calls\.pcapng looks like a capture.*use siplet replay for captures\n$/,
    ],
    ['a file of 5 GiB', [hugeFile()], /ERR_SIPLET_USAGE: .*huge has more than 33554432 bytes/],
    ['an invalid address', ['-', '--src', 'here'], /It must be ip:port/],
  ] as const) {
    it(`reports one clear error for ${title} and exits with code 2`, async () => {
      const { stderr, exitCode } = await siplet(['exec', ...args, '-s', HANDLER])
      assert.equal(exitCode, 2)
      assert.match(stderr, message)
    })
  }
})

describe('siplet check', () => {
  it('runs both init functions and lists the methods', async () => {
    const { stdout, exitCode } = await siplet(['check', '-s', HANDLER, '--children', '2'])
    assert.equal(exitCode, 0)
    assert.match(stdout, /ran in 2 children, ready in \d+ ms\nmethods: request_route, onreply_route\n$/)
  })

  it('lists the methods of a Python script, and warns about a module with the same name as a module of MicroPython', async () => {
    const { folder, write } = scriptFolder()
    write('json.py', 'ANSWER = 1\n')
    write('math.py', 'pi = 3\n')
    const script = write(
      'handler.py',
      `import json, math
class Handler:
    def child_init(self, rank):
        return 0
    def request_route(self, msg):
        return json.ANSWER
def mod_init():
    return Handler()
`,
    )
    const { stdout, stderr, exitCode } = await siplet(['check', '-s', script])
    assert.equal(exitCode, 0)
    assert.match(stdout, /^methods: request_route$/m)
    assert.deepEqual(stderr.trimEnd().split('\n'), [
      `WARN: import json: ${folder}/json.py is taken, and not the json that comes with MicroPython; rename it if that is not meant`,
      `WARN: import math: ${folder}/math.py is not taken, since math is built in; rename it`,
    ])
  })

  it('exits with code 2 if the script cannot be started', async () => {
    const script = scriptFile('const boot = () => ({ up: () => -1 })')
    const { stderr, exitCode } = await siplet([
      'check',
      '-s',
      script,
      '--mod-init',
      'boot',
      '--child-init',
      'up',
    ])
    assert.equal(exitCode, 2)
    assert.match(stderr, /ERR_SIPLET_CHILD_INIT: child 1: up\(1\) returned -1/)
  })
})

describe('siplet', () => {
  it('prints its version and its help', async () => {
    assert.match((await siplet(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/)
    const { stdout, exitCode } = await siplet(['--help'])
    assert.equal(exitCode, 0)
    for (const command of ['replay', 'exec', 'check']) assert.match(stdout, new RegExp(`^ +${command} `, 'm'))
  })

  it('exits with code 2 if the command is unknown', async () => {
    const { stderr, exitCode } = await siplet(['repaly'])
    assert.equal(exitCode, 2)
    assert.match(stderr, /unknown command 'repaly'.*\n.*Did you mean replay/)
  })

  it('reports in one line that Node is too old', async function () {
    const old = await promisify(execFile)('sh', [
      '-c',
      'for d in /usr/local/bin /usr/bin; do $d/node --version && echo $d/node; done; true',
    ])
    const [, path] = /^v(?:1\d|2[0-3])\..*\n(.*)$/m.exec(old.stdout) ?? []
    if (path === undefined) {
      console.log('      SKIPPED: this machine has no Node older than 24')
      this.skip()
    }
    const outcome = await promisify(execFile)(path, ['packages/cli/bin/siplet.js', '--version']).catch(
      (error) => error,
    )
    assert.equal(outcome.code, 2)
    assert.match(outcome.stderr, /^siplet needs Node.js 24 or newer, this is v\d+.*\n$/)
  })
})

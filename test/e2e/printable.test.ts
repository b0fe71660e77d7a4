/** Hostile names in scripts, files, arguments and messages: no command prints them raw, or lets them forge a line. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CaptureEncoder, LINKTYPE, udpFrames } from '../../packages/cli/src/capture/index.ts'
import { siplet } from '../support/cli.ts'
import { INVITE } from '../support/messages.ts'

/** Clears the screen, sets a title, sets colours by C1, reverses text, and starts lines. */
const EVIL = '\x1b[2J\x1b]0;t\x07\u009b31m\u202e\u2066\u2028\x7f\x85'
const FORGED = 'ERROR: child 1: forged'

const RAW = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/

describe('the output of commands escapes hostile text', function () {
  this.timeout(120_000)
  const folder = mkdtempSync(join(tmpdir(), 'siplet-printable-'))
  after(() => rmSync(folder, { recursive: true }))

  /** File names cannot contain NUL or a slash. */
  const file = (name: string, text: string | Uint8Array) => {
    const path = join(folder, name)
    writeFileSync(path, text)
    return path
  }

  function shown({ stdout, stderr }: { stdout: string; stderr: string }): void {
    for (const text of [stdout, stderr]) {
      assert.doesNotMatch(text, RAW)
      assert.doesNotMatch(text, /^(?:ERROR: |WARN: )?(?:child 1: )?forged/m)
      assert.doesNotMatch(text, new RegExp(`^${FORGED}`, 'm'))
    }
  }

  const methods = (body: string) =>
    `({ child_init: () => 0, [${JSON.stringify(`m${EVIL}\n${FORGED}`)}]: async () => 1, request_route(msg) { ${body} } })`
  const text = JSON.stringify(`a${EVIL}\n${FORGED}`)

  it('in methods, warnings and file names of check', async () => {
    const script = file(`h${EVIL}\n${FORGED}.js`, `function mod_init() { return ${methods('return 1')} }`)
    const run = await siplet(['check', '--script', script])
    assert.equal(run.exitCode, 0, run.stderr)
    assert.match(run.stdout, /methods: m\\u001b\[2J/)
    shown(run)
  })

  for (const [title, name, source, code] of [
    ['a syntax error', 's.js', `const a = 1;\nconst ${EVIL.replaceAll('\u2028', '')} = "x" + ;`, /SYNTAX/],
    ['a failing import', 'i.js', `import './x${EVIL.replace(/[\x07\x1b\u2028]/g, '')}'\nexport {}`, /IMPORT/],
    ['a top level that throws', 't.js', `throw new Error(${text})`, /LOAD/],
    ['a mod_init that throws', 'm.js', `function mod_init() { throw new Error(${text}) }`, /MOD_INIT/],
    [
      'a child_init that throws',
      'c.js',
      `function mod_init() { return { child_init() { throw ${text} } } }`,
      /CHILD_INIT/,
    ],
    ['a syntax error in Python', 's.py', `x = "${EVIL}" +\n`, /SYNTAX|LOAD/],
    ['a failing import in Python', 'i.py', `x = 1; y = "${EVIL}"; from ..x import y # ${EVIL}\n`, /IMPORT/],
    [
      'an exception in Python',
      't.py',
      `raise Exception(${JSON.stringify(`a\x1b[2J\u009b\n${FORGED}`)})\n`,
      /LOAD/,
    ],
  ] as const) {
    it(`if check finds ${title}`, async () => {
      const run = await siplet(['check', '--script', file(name, source)])
      assert.equal(run.exitCode, 2, run.stderr)
      assert.match(run.stderr, code)
      shown(run)
    })
  }

  it('in log lines, errors and the diff of exec', async () => {
    const script = file(
      'log.js',
      `function mod_init() { return ${methods(`LM_ERR(${text}); console.warn(${text}); msg.setHeader('X-Y', 'b\\u009b\\u202e'); throw new Error(${text})`)} }`,
    )
    const message = INVITE.replace('Max-Forwards: 70', `X: a${EVIL}`)
    for (const isolation of ['inline', 'thread', 'process']) {
      const run = await siplet(['exec', '-', '--script', script, '--diff', '--isolation', isolation], message)
      assert.equal(run.exitCode, 1, run.stderr)
      assert.match(run.stderr, /^ERROR: child 1: a\\u001b\[2J.*\n {4}ERROR: child 1: forged/m)
      assert.match(
        run.stderr,
        /^request_route: ERR_SIPLET_SCRIPT: Error: a\\u001b.*\n {4}ERROR: child 1: forged/m,
      )
      shown(run)
    }
  })

  it('in log lines of Python in exec', async () => {
    const script = file(
      'log.py',
      `import OpenSIPS\nclass H:\n  def child_init(self, r):\n    return 0\n  def request_route(self, msg):\n    OpenSIPS.LM_ERR(${JSON.stringify(`a\x1b[2J\u009b\u202e\n${FORGED}`)})\n    print(${JSON.stringify(`a\x1b[2J\n${FORGED}`)})\n    raise Exception(${JSON.stringify(`a\x1b[2J\u009b\n${FORGED}`)})\ndef mod_init():\n  return H()\n`,
    )
    const run = await siplet(['exec', '-', '--script', script, '--diff', '--log-level', 'debug'], INVITE)
    assert.equal(run.exitCode, 1)
    shown(run)
  })

  it('in NDJSON, summary, errors, file names and capture fields of replay', async () => {
    const encoder = new CaptureEncoder({ format: 'pcapng', linktype: LINKTYPE.RAW })
    const payload = Buffer.from(
      INVITE.replace(/^INVITE \S+/, `INVITE sip:a${EVIL}@x`).replace(/Call-ID: .*/, `Call-ID: c${EVIL}`),
    )
    const address = ['192.0.2.1', 5060] as const
    const frames = udpFrames({ src: address, dst: address, payload }, { linktype: LINKTYPE.RAW })
    const capture = file(
      `c${EVIL}\n${FORGED}.pcapng`,
      Buffer.concat([encoder.header, ...frames.map((frame) => encoder.frame(1, 0, frame))]),
    )
    const script = file(
      `r${EVIL}\n${FORGED}.js`,
      `function mod_init() { return ${methods(`LM_ERR(${text}); throw new Error(${text})`)} }`,
    )
    for (const more of [
      ['--ndjson', '-'],
      ['--json'],
      ['--compare', file('other.js', `function mod_init() { return ${methods('return 1')} }`)],
    ]) {
      const run = await siplet(['replay', capture, '--script', script, ...more])
      assert.equal(run.exitCode, 0, run.stderr)
      shown(run)
      if (more[0] === '--ndjson') assert.match(JSON.parse(run.stdout).callId, /\x1b\[2J/)
    }
    const report = join(folder, 'r.html')
    shown(await siplet(['replay', capture, '--script', script, '--report', report]))
    assert.doesNotMatch(readFileSync(report, 'utf8').replace(/<script>[\s\S]*?<\/script>/g, ''), RAW)
  })

  const evil = `x${EVIL}\n${FORGED}`
  for (const [what, make] of Object.entries({
    command: () => [evil],
    option: () => ['replay', `--${evil}`],
    choice: () => ['replay', '--speed', evil, '--script', 'x.js', 'c.pcap'],
    capture: () => ['replay', join(folder, `${evil}.pcap`), '--script', 'x.js'],
    script: () => ['replay', 'x.pcap', '--script', `${evil}.js`],
    filter: () => ['replay', 'examples/calls.pcapng', '--script', 'examples/handler.ts', '--filter', evil],
    extension: () => ['check', '--script', evil],
    'script root': () => ['check', '--script', 'examples/handler.ts', '--script-root', evil],
    'init function': () => ['check', '--script', 'examples/handler.ts', '--mod-init', evil],
    'message file': () => ['exec', evil, '--script', 'examples/handler.ts'],
    method: () => ['exec', '-', '--script', 'examples/handler.ts', '-m', evil],
    'configuration file': () => ['serve', `${evil}.yaml`],
    configuration: () => [
      'serve',
      file('bad.yaml', `listen: ["\\x1b[2J\\u009b"]\nscript: { "\\x1b\\n${FORGED}": 1 }\n`),
    ],
    YAML: () => ['serve', file('broken.yaml', 'a: [\u009b\u202e\nb: }')],
  })) {
    it(`in errors about bad arguments and files: ${what}`, async () => {
      const run = await siplet(make(), INVITE)
      assert.notEqual(run.exitCode, 0, run.stdout)
      shown(run)
    })
  }

  it('in folder names of init', async () => {
    shown(await siplet(['init', join(folder, `new${EVIL}\n${FORGED}`)]))
  })
})

/** Standard streams: closed pipes, the progress bar of siplet replay on a terminal, and colours. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CaptureEncoder, LINKTYPE, udpFrames } from '../../packages/cli/src/capture/index.ts'
import { siplet } from '../support/cli.ts'
import { handler, scriptFile } from '../support/engine.ts'
import { inviteOf } from '../support/messages.ts'
import { inTerminal } from '../support/terminal.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const MESSAGES = 20_000
/** The format of a bar: share, count, rate and time left. */
const BAR = /█+░* \d+ % \| [\d,]+ messages, [\d,]+\/s \| (?:\d+[hms]\d*)+ left/
const ESCAPE = '\x1b'

describe('standard output', () => {
  const run = (command: string) =>
    spawnSync(
      'bash',
      ['-c', command.replaceAll('siplet', `${process.execPath} packages/cli/bin/siplet.js`)],
      {
        cwd: ROOT,
        encoding: 'utf8',
      },
    )
  const replay = 'siplet replay examples/calls.pcapng --script examples/handler.ts'

  for (const command of [replay, `${replay} --json`, 'siplet --help', 'siplet completion zsh']) {
    it(`may be closed by its reader without an error: ${command}`, () => {
      const { stderr, stdout } = run(`${command} | true; echo "exit \${PIPESTATUS[0]}"`)
      assert.deepEqual([stderr, stdout], ['', 'exit 0\n'])
    })
  }

  it('causes an error if the device is full', function () {
    if (!existsSync('/dev/full')) return this.skip()
    const { status, stderr } = run(`${replay} > /dev/full`)
    assert.equal(status, 2)
    assert.match(stderr, /^siplet: ERR_SIPLET_OUTPUT: standard output cannot be written: ENOSPC.*\n$/)
  })
})

describe('siplet replay on a terminal', () => {
  if (spawnSync('script', ['--version']).error !== undefined) {
    console.log('      script (util-linux) is not installed: the terminal tests were NOT run')
    return
  }
  const folder = mkdtempSync(join(tmpdir(), 'siplet-terminal-'))
  const capture = join(folder, 'long.pcap')
  const script = scriptFile(handler('request_route(msg) { return 1 }'))
  const complaining = scriptFile(
    handler("request_route(msg) { if (msg.CallID === 'call-7@example.com') LM_ERR('seven'); return 1 }"),
  )
  before(() => {
    const encoder = new CaptureEncoder({ format: 'pcap', linktype: LINKTYPE.RAW })
    const frames = Array.from({ length: MESSAGES }, (_, k) => {
      const payload = Buffer.from(inviteOf(`call-${k}@example.com`))
      const datagram = { src: ['192.0.2.10', 5060], dst: ['192.0.2.1', 5060], payload } as const
      return encoder.frame(k, 0, udpFrames(datagram, { linktype: LINKTYPE.RAW })[0]!)
    })
    writeFileSync(capture, Buffer.concat([encoder.header, ...frames]))
  })
  after(() => rmSync(folder, { recursive: true }))

  function shown(args: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
    return inTerminal(`${process.execPath} packages/cli/bin/siplet.js replay ${args}`, { cwd: ROOT, env })
  }

  it('shows a bar with share, count, rate and time left, and clears it before the summary', async () => {
    const text = await shown(`${capture} --script ${script}`)
    assert.match(text, BAR)
    const last = text.lastIndexOf('█')
    const summary = text.indexOf(`through ${script}`)
    assert.ok(last < summary, 'the bar ends before the summary begins')
    assert.ok(text.slice(last, summary).includes(`${ESCAPE}[0K`), JSON.stringify(text.slice(last, summary)))
  })

  it('shows no share for stdin or with --speed', async () => {
    for (const args of [
      `- --script ${script} < ${capture}`,
      `${capture} --script ${script} --speed 1000000x`,
    ]) {
      const text = await shown(args)
      assert.match(text, /[\d,]+ messages, [\d,]+\/s/)
      assert.doesNotMatch(text, /%|left|NULL|INF/)
    }
  })

  it('writes log lines of the script above the bar', async () => {
    const text = await shown(`${capture} --script ${complaining}`)
    assert.match(text, /\r\x1b\[2K[^\n]*ERROR[^\n]*child 1: seven \(Call-ID call-7@example\.com\)/)
  })

  it('shows the bar if only stdout is redirected, and keeps the bar out of the data', async () => {
    const output = join(folder, 'piped.ndjson')
    const text = await shown(`${capture} --script ${script} --ndjson - > ${output}`)
    assert.match(text, BAR)
    const { stdout } = spawnSync('wc', ['-l', output], { encoding: 'utf8' })
    assert.equal(Number.parseInt(stdout, 10), MESSAGES)
    assert.equal(spawnSync('grep', ['-c', '█', output], { encoding: 'utf8' }).stdout, '0\n')
  })

  it('shows neither a bar nor an escape sequence without a terminal', async () => {
    const { stdout, stderr } = await siplet(['replay', capture, '--script', complaining])
    assert.ok(!`${stdout}${stderr}`.includes(ESCAPE))
    assert.ok(!stderr.includes('█'))
    assert.match(stderr, /ERROR: child 1: seven/)
  })

  it('uses colours on a terminal, and no colours with NO_COLOR', async () => {
    const args = `examples/calls.pcapng --script examples/handler.ts --compare ${complaining}`
    const coloured = await shown(args)
    assert.match(coloured, /\x1b\[31m {4}- 1 /, 'the decision of the baseline is red')
    assert.match(coloured, /\x1b\[32m {4}\+ -1 /, 'the decision of --script is green')
    const plain = await shown(args, { NO_COLOR: '1' })
    assert.doesNotMatch(plain, /\x1b\[\d*m/)
    assert.match(plain, / {4}- 1 /)
  })

  it('ends with a summary of the finished part after Ctrl-C', async () => {
    // Ctrl-C also reaches the shell, which ends before it prints anything unless it has a trap.
    const text = await inTerminal(
      `trap : INT; ${process.execPath} packages/cli/bin/siplet.js replay ${capture} --script ${script} --speed real; echo "exit $?"`,
      { cwd: ROOT, steps: [{ after: /[1-9] messages?, /, type: '\x03' }] },
    )
    assert.match(text, /the rest of the captures: the replay ended early/)
    assert.match(text, /exit 130/)
  })
})

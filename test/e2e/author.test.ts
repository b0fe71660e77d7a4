/** The tools of a script author: siplet init, check and exec --watch, and the diff. */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { siplet } from '../support/cli.ts'
import { handler, scriptFile } from '../support/engine.ts'
import { INVITE } from '../support/messages.ts'

const SIPLET = fileURLToPath(new URL('../../packages/cli/bin/siplet.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'siplet-author-'))
after(() => rmSync(folder, { recursive: true }))

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** Returns a folder with a Node that runs npm but fails on everything else: a Node too old for siplet. */
function oldNode(): string {
  const old = mkdtempSync(join(folder, 'old-node-'))
  const script = `#!/bin/sh\ncase "$1" in */npm) exec '${process.execPath}' "$@" ;; esac\necho 'this Node is old' >&2\nexit 1\n`
  writeFileSync(join(old, 'node'), script, { mode: 0o755 })
  return old
}

/** Our Node comes first, whatever Node the machine has. */
const PATH = `${dirname(process.execPath)}${delimiter}${process.env.PATH}`

describe('siplet init', () => {
  for (const [language, script, ...forEditors] of [
    ['typescript', 'handler.ts', 'tsconfig.json'],
    ['javascript', 'handler.js'],
    ['python', 'handler.py', 'siplet.pyi', 'OpenSIPS.pyi'],
  ] as const) {
    it(`creates a ${language} project whose test passes and whose commands run`, async () => {
      const project = join(folder, language)
      const made = await siplet(['init', project, '--language', language])
      assert.equal(made.exitCode, 0, made.stderr)
      for (const name of [script, 'invite.sip', 'package.json', ...forEditors])
        assert.ok(existsSync(join(project, name)), name)
      const path = `${oldNode()}${delimiter}${process.env.PATH}`
      const run = (args: string[]) =>
        promisify(execFile)('npm', args, { cwd: project, env: { ...process.env, PATH: path, NO_COLOR: '1' } })
      assert.match((await run(['test'])).stdout, /^# pass 3$|ℹ pass 3$/m)
      assert.match(
        (await run(['run', '--silent', 'check'])).stdout,
        /^methods: (request_route, onreply_route|onreply_route, request_route)$/m,
      )
      const { stdout, stderr } = await run(['run', '--silent', 'exec'])
      assert.match(stdout, /^INVITE sip:\+493012345678@example\.com SIP\/2\.0\r\n/)
      assert.match(stderr, /next hop sip:192\.0\.2\.49:5060/)
    })
  }

  it('requires the same Node from npm as this workspace', async () => {
    const project = join(folder, 'node')
    assert.equal((await siplet(['init', project])).exitCode, 0)
    const wanted = (path: string) => JSON.parse(readFileSync(path, 'utf8')).devDependencies.node
    assert.equal(wanted(join(project, 'package.json')), wanted(join(ROOT, 'package.json')))
    const { allowScripts } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'))
    assert.equal(allowScripts.node, true)
  })

  it('prints the next commands so that a shell accepts them', async () => {
    const spaced = join(folder, "Bob's Routing")
    const { stdout } = await siplet(['init', spaced])
    const next = /^next: (.*) && npm test$/m.exec(stdout)![1]!
    const { stdout: entered } = await promisify(execFile)('sh', ['-c', `${next} && pwd`])
    assert.equal(entered, `${spaced}\n`)
    const here = mkdtempSync(join(folder, 'here-'))
    const made = await promisify(execFile)(process.execPath, [SIPLET, 'init'], { cwd: here })
    assert.match(made.stdout, /^next: npm test$/m)
  })

  it('creates tests that show the error of a failing script', async () => {
    const project = join(folder, 'failing')
    assert.equal((await siplet(['init', project, '-l', 'python'])).exitCode, 0)
    const script = join(project, 'handler.py')
    writeFileSync(script, readFileSync(script, 'utf8').replace("msg.getHeader('User-Agent')", 'msg.nothing'))
    const test = promisify(execFile)('npm', ['test'], { cwd: project, env: { ...process.env, PATH } })
    await assert.rejects(test, { stdout: /AttributeError: .*nothing/ })
  })

  it('names the created files in its help', async () => {
    const { stdout } = await siplet(['init', '--help'])
    for (const name of ['handler.test.ts', 'invite.sip', 'package.json', 'tsconfig.json', 'siplet.pyi'])
      assert.ok(stdout.includes(name), name)
  })

  it('creates a typescript project that checks types, including the types of msg', async () => {
    const project = join(folder, 'types')
    assert.equal((await siplet(['init', project])).exitCode, 0)
    const check = () =>
      promisify(execFile)('npm', ['run', '--silent', 'typecheck'], {
        cwd: project,
        env: { ...process.env, PATH },
      })
    await check()
    writeFileSync(
      join(project, 'handler.ts'),
      "import type { SIPMsg } from '@siplet/engine/script'\nexport const f = (msg: SIPMsg) => msg.rewrite_ruri(5)\n",
    )
    await assert.rejects(check(), { stdout: /^handler\.ts\(2,\d+\): error TS2345: .*'number' .*'string'/ })
  })

  it('never overwrites files: if one of the files exists, it writes nothing', async () => {
    const project = mkdtempSync(join(folder, 'mine-'))
    writeFileSync(join(project, 'handler.js'), 'mine')
    const { stderr, exitCode } = await siplet(['init', project, '-l', 'javascript'])
    assert.equal(exitCode, 2)
    assert.match(stderr, /ERR_SIPLET_EXISTS: .* has handler\.js already/)
    assert.deepEqual(readdirSync(project), ['handler.js'])
    assert.equal(readFileSync(join(project, 'handler.js'), 'utf8'), 'mine')
  })

  it('names the folder that it cannot write to', async () => {
    const file = join(folder, 'file')
    writeFileSync(file, '')
    const { stderr, exitCode } = await siplet(['init', join(file, 'project')])
    assert.equal(exitCode, 2)
    assert.match(stderr, /ERR_SIPLET_OUTPUT: .* cannot be written to: a part of its path is a file/)
    assert.match(
      (await siplet(['init', file])).stderr,
      /ERR_SIPLET_OUTPUT: .* cannot be written to: it is a file/,
    )
  })
})

describe('siplet check', () => {
  for (const [title, source, warning] of [
    [
      'request_route is missing',
      'route() { return 1 }',
      /^warning: there is no request_route: name the method/,
    ],
    [
      'a method name is misspelled',
      'requestRoute() { return 1 }',
      /^warning: requestRoute is not .* did you mean request_route\?/,
    ],
    [
      'a method is async',
      'async request_route() { return 1 }',
      /^warning: request_route is an async function/,
    ],
    [
      'a method is a generator',
      '*request_route() { return 1 }',
      /^warning: request_route is an async function or a gen/,
    ],
  ] as const) {
    it(`warns if ${title}`, async () => {
      const { stderr, exitCode } = await siplet(['check', '-s', scriptFile(handler(source))])
      assert.equal(exitCode, 0)
      assert.match(stderr, warning)
      assert.equal(stderr.trimEnd().split('\n').length, 1)
    })
  }

  it('warns about async def and yield in Python', async () => {
    const script = scriptFile(
      `class Handler:
    def child_init(self, rank):
        return 0
    async def request_route(self, msg):
        return 1
    def onreply_route(self, msg):
        yield 1
def mod_init():
    return Handler()
`,
      'handler.py',
    )
    const { stderr, exitCode } = await siplet(['check', '-s', script])
    assert.equal(exitCode, 0)
    const warned = stderr
      .trimEnd()
      .split('\n')
      .map((line) => line.split(':')[1])
    const kind = 'is an async function or a generator'
    assert.deepEqual(warned, [` onreply_route ${kind}`, ` request_route ${kind}`])
  })

  for (const [title, source, error] of [
    [
      'child_init returns nothing',
      'function mod_init() { return { child_init() {} } }',
      /CHILD_INIT: .* not undefined; end it with: return 0/,
    ],
    [
      'mod_init returns no object',
      'function mod_init() { return 1 }',
      /MOD_INIT: .* must return the object .* not the number 1/,
    ],
    [
      'there is no child_init',
      'function mod_init() { return {} }',
      /CHILD_INIT: .* no method child_init: add one that returns 0, or name another .*--child-init\) \(in .*script\.js\)/,
    ],
    ['mod_init is async', 'async function mod_init() { return {} }', /MOD_INIT: .* returned a promise/],
    [
      'mod_init is not exported',
      'export const x = 1; function mod_init() {}',
      /MOD_INIT: .* not defined, or not exported/,
    ],
  ] as const) {
    it(`refuses a script if ${title}`, async () => {
      const { stderr, exitCode } = await siplet(['check', '-s', scriptFile(source)])
      assert.equal(exitCode, 2)
      assert.match(stderr, error)
    })
  }
})

describe('siplet exec --diff', () => {
  const script = scriptFile(
    handler(
      "request_route(msg) { msg.rewrite_ruri('sip:b@b'); msg.removeHeader('Max-Forwards'); msg.appendHeader('X', '1'); return 1 }",
    ),
  )

  it('shows changed lines among unchanged ones', async () => {
    const { stdout } = await siplet(['exec', '-', '-s', script, '--diff'], INVITE)
    const lines = stdout.split('\n')
    assert.deepEqual(lines.slice(0, 4), [
      '- INVITE sip:bob@example.net SIP/2.0',
      '+ INVITE sip:b@b SIP/2.0',
      '  Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-1',
      '- Max-Forwards: 70',
    ])
    assert.ok(lines.includes('+ X: 1'))
  })

  for (const [title, environment, coloured] of [
    ['uses colours on a terminal', {}, true],
    ['uses no colours if NO_COLOR is set', { NO_COLOR: '1' }, false],
  ] as const) {
    it(title, async () => {
      const file = scriptFile(INVITE, 'invite.sip')
      const command = [process.execPath, SIPLET, 'exec', file, '-s', script].join(' ')
      // Node takes CI for a terminal without colours.
      const { NO_COLOR: _, FORCE_COLOR: __, CI: ___, ...env } = process.env
      const { stdout } = await promisify(execFile)('script', ['-qec', command, '/dev/null'], {
        env: { ...env, TERM: 'xterm-256color', ...environment },
      })
      assert.equal(stdout.includes('\x1b[32m+ INVITE sip:b@b SIP/2.0'), coloured)
      assert.equal(stdout.includes('\n+ INVITE sip:b@b SIP/2.0'), !coloured)
    })
  }

  it('shows control characters instead of sending them to the terminal', async () => {
    const { stdout } = await siplet(['exec', '-', '-s', script, '--diff'], INVITE.replace('Alice', '\x1b[2J'))
    assert.ok(stdout.includes('\\u001b[2J'))
    assert.ok(!stdout.includes('\x1b'))
  })
})

describe('--watch', () => {
  const project = mkdtempSync(join(folder, 'watch-'))
  const write = (name: string, text: string) => {
    writeFileSync(join(project, name), text)
    return join(project, name)
  }
  const script = write(
    's.ts',
    "import { code } from './code.ts'\nexport const mod_init = () => ({ child_init: () => 0, request_route: () => code })",
  )
  const message = write('m.sip', INVITE)

  /** Runs a command with --watch. `next` returns the output of its next run. */
  async function watching(args: string[], test: (next: () => Promise<string>, pid: number) => Promise<void>) {
    const child = spawn(process.execPath, [SIPLET, ...args, '--watch'], {
      env: { ...process.env, NO_COLOR: '1' },
    })
    let text = ''
    let heard = () => {}
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (part) => {
        text += part
        heard()
      })
    }
    const next = async () => {
      while (!/watching \d+ files?/.test(text)) {
        await new Promise<void>((resolve) => {
          heard = resolve
        })
      }
      const said = text
      text = ''
      return said
    }
    try {
      await test(next, child.pid!)
    } finally {
      const closed = new Promise((resolve) => child.once('close', resolve))
      child.kill('SIGINT')
      assert.ok([0, 1, 2].includes((await closed) as number))
    }
  }

  it('runs exec again if the script, an import or the message changes, even after errors', async () => {
    write('code.ts', 'export const code = 1')
    await watching(['exec', message, '-s', script], async (next, pid) => {
      assert.match(await next(), /returned 1 /)
      const start = performance.now()
      write('code.ts', 'export const code = 2')
      assert.match(await next(), /returned 2 /)
      console.log(`      ran again ${Math.round(performance.now() - start)} ms after the change`)
      write('code.ts', 'export const code = = 3')
      assert.match(await next(), /code\.ts:1:21: Unexpected "="/)
      write('code.ts', 'export const code = 4')
      assert.match(await next(), /returned 4 /)
      write('m.sip', INVITE.replace('bob', 'carol'))
      assert.match(await next(), /INVITE sip:carol@/)
      process.kill(pid, 'SIGHUP')
      assert.match(await next(), /returned 4 /)
    })
  })

  it('runs replay again if the script or an import changes, but not because of its own outputs', async () => {
    write('code.ts', 'export const code = 1')
    const args = ['replay', 'examples/calls.pcapng', '-s', script, '--ndjson', join(project, 'out.ndjson')]
    await watching(args, async (next) => {
      assert.match(await next(), /37 SIP messages .*│ INVITE +│ +5 │ +5 │/s)
      write('code.ts', 'export const code = -1')
      assert.match(await next(), /│ INVITE +│ +5 │ +│ +5 │/)
      write('code.ts', 'export const code = = 1')
      assert.match(await next(), /Unexpected "="/)
      write('code.ts', 'export const code = 0')
      assert.match(await next(), /│ INVITE +│ +5 │ +│ +│ +5 │/)
    })
  })

  it('runs a Python script again if a module that it imports changes', async () => {
    write('codes.py', 'CODE = 1\n')
    write('unused.py', '')
    const source =
      'from codes import CODE\nclass H:\n    def child_init(self, rank):\n        return 0\n    def request_route(self, msg):\n        return CODE\ndef mod_init():\n    return H()\n'
    await watching(['exec', message, '-s', write('s.py', source)], async (next) => {
      assert.match(await next(), /returned 1 .*\nwatching 3 files/)
      write('codes.py', 'CODE = 2\n')
      assert.match(await next(), /returned 2 /)
      write('codes.py', 'CODE = = 3\n')
      assert.match(await next(), /codes\.py:1: invalid syntax/)
      write('codes.py', 'CODE = 4\n')
      assert.match(await next(), /returned 4 /)
    })
  })

  it('does not run check again if only the log with its own output changes', async () => {
    const log = join(project, 'w.log')
    const script = write('broken.js', 'function mod_init( {')
    const child = spawn(process.execPath, [SIPLET, 'check', '-s', script, '--watch'], {
      stdio: ['ignore', openSync(log, 'a'), openSync(log, 'a')],
    })
    const runs = async (count: number) => {
      for (;;) {
        const said = readFileSync(log, 'utf8').match(/^watching/gm)?.length ?? 0
        if (said >= count) return said
        await delay(20)
      }
    }
    try {
      await runs(1)
      // Longer than the time for which files must not change.
      await delay(500)
      assert.equal(await runs(1), 1)
      write('broken.js', 'function mod_init() { return { child_init: () => 0 } }')
      await runs(2)
      assert.match(readFileSync(log, 'utf8'), /^methods: none$/m)
    } finally {
      const closed = new Promise((resolve) => child.once('close', resolve))
      child.kill('SIGINT')
      await closed
    }
  })

  it('runs check again after a missing import was added', async () => {
    rmSync(join(project, 'code.ts'), { force: true })
    await watching(['check', '-s', script], async (next) => {
      assert.match(await next(), /ERR_SIPLET_SCRIPT_IMPORT/)
      write('code.ts', 'export const code = 1')
      assert.match(await next(), /methods: request_route/)
    })
  })

  it('refuses stdin, because stdin cannot be read a second time', async () => {
    const replay = await siplet(['replay', '-', '-s', script, '--watch'])
    assert.equal(replay.exitCode, 2)
    assert.match(replay.stderr, /ERR_SIPLET_USAGE: --watch/)
    const { stderr, exitCode } = await siplet(['exec', '-', '-s', script, '--watch'])
    assert.equal(exitCode, 2)
    assert.match(stderr, /ERR_SIPLET_USAGE: --watch/)
  })
})

/** siplet exec --inspect: a debugger session, from finding the script to the edited message. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type CLIRun, siplet } from '../support/cli.ts'
import { Debugger } from '../support/debugger.ts'
import { handler, scriptFile } from '../support/engine.ts'
import { INVITE } from '../support/messages.ts'

const SIPLET = fileURLToPath(new URL('../../packages/cli/bin/siplet.js', import.meta.url))
// URLs escape some of these characters.
const folder = mkdtempSync(join(tmpdir(), 'siplet inspect #1 '))
after(() => rmSync(folder, { recursive: true }))

const ROUTER = `import type { SIPMsg } from '@siplet/engine/script'
import { plus } from './lib/plus.ts'

class Router {
  child_init(rank: number): number {
    return 0
  }

  request_route(msg: SIPMsg): number {
    const uri = plus(msg.RURI)
    msg.rewrite_ruri(uri)
    return 1
  }
}

export function mod_init(): Router {
  return new Router()
}
`
const PLUS = `type URI = string

export function plus(uri: URI): URI {
  const number = uri.replace('sip:00', 'sip:+')
  return number
}
`

function write(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

mkdirSync(join(folder, 'lib'))
const message = write('invite.sip', INVITE.replace('sip:bob@', 'sip:0049301@'))
const router = write('router.ts', ROUTER)
const plus = write('lib/plus.ts', PLUS)

/** Runs exec --inspect on a free port. `test` gets the URL that the command prints. */
async function inspecting(script: string, test: (url: string) => Promise<void>): Promise<CLIRun> {
  const child = spawn(
    process.execPath,
    [SIPLET, 'exec', '--inspect=0', message, '-s', script, '--timeout-ms', '20'],
    {
      env: { ...process.env, NO_COLOR: '1' },
    },
  )
  const run: CLIRun = { exitCode: null, stdout: '', stderr: '' }
  const closed = new Promise((resolve) => child.once('close', resolve))
  const listening = Promise.withResolvers<string>()
  child.stdout.setEncoding('utf8').on('data', (text) => {
    run.stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    run.stderr += text
    const [, url] = /^Debugger listening on (ws:\S+)$/m.exec(run.stderr) ?? []
    if (url !== undefined) listening.resolve(url)
  })
  void closed.then(() => listening.reject(new Error(run.stderr)))
  try {
    await test(await listening.promise)
    run.exitCode = (await closed) as number
    return run
  } finally {
    child.kill()
  }
}

/** Returns status and body of an HTTP request with this Host header. */
function get(url: string, host: string, headers = {}): Promise<[status: number, body: string]> {
  return new Promise((resolve, reject) => {
    request(url, { headers: { Host: host, ...headers } }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text) => {
        body += text
      })
      response.once('end', () => resolve([response.statusCode!, body]))
    })
      .on('error', reject)
      .end()
  })
}

describe('siplet exec --inspect', function () {
  this.timeout(30_000)

  it('stops at the first line and at breakpoints in TypeScript, evaluates expressions, steps, and continues', async () => {
    const { exitCode, stdout, stderr } = await inspecting(router, async (url) => {
      const client = await Debugger.connect(url)
      await client.run()
      const start = await client.pause()
      assert.equal(start.reason, 'Break on start')
      assert.deepEqual(start.hitBreakpoints, [])
      assert.deepEqual([start.frames[0]!.url, start.frames[0]!.line], [pathToFileURL(router).href, 1])
      assert.equal(client.contexts.length, 1)

      const breakpoint = await client.breakAt({ url: pathToFileURL(router).href, line: 10 })
      await client.resume()
      const route = await client.pause()
      const { name, url: source, line } = route.frames[0]!
      assert.deepEqual([name, source, line], ['request_route', pathToFileURL(router).href, 10])
      assert.deepEqual(route.hitBreakpoints, [breakpoint])
      assert.equal(await client.evaluate(route, 'msg.Method'), 'INVITE')
      assert.equal(await client.evaluate(route, 'msg.RURI'), 'sip:0049301@example.net')

      // Ten times the time limit, in the middle of the method.
      await new Promise((resolve) => setTimeout(resolve, 200))
      // The first step enters msg.RURI, which is not code of the author.
      await client.send('Debugger.stepInto')
      assert.equal((await client.pause()).frames[0]!.name, 'request_route')
      await client.send('Debugger.stepInto')
      const stepped = await client.pause()
      const frames = stepped.frames.slice(0, 2).map((frame) => [frame.name, frame.url, frame.line])
      assert.deepEqual(frames, [
        ['plus', pathToFileURL(plus).href, 4],
        ['request_route', pathToFileURL(router).href, 10],
      ])
      assert.equal(await client.evaluate(stepped, "uri = 'sip:00441@example.net'"), 'sip:00441@example.net')
      await client.resume()
      await client.closed
    })
    assert.equal(exitCode, 0, stderr)
    assert.match(stdout, /^INVITE sip:\+441@example\.net SIP\/2\.0\r\n/)
    assert.match(stderr, /^request_route returned 1 \(true\)/m)
  })

  it('is discovered like Node, accepts only localhost and IP addresses as Host, and only one debugger at a time', async () => {
    await inspecting(router, async (webSocketUrl) => {
      const { host, pathname } = new URL(webSocketUrl)
      const list = JSON.parse((await get(`http://${host}/json/list`, 'localhost:1'))[1])
      assert.equal(list.length, 1)
      assert.equal(list[0].webSocketDebuggerUrl, webSocketUrl)
      assert.deepEqual([list[0].type, list[0].title], ['node', 'router.ts'])
      assert.equal(list[0].url, pathToFileURL(router).href)
      assert.ok(list[0].devtoolsFrontendUrl.endsWith(`&ws=${host}${pathname}`))
      assert.deepEqual(JSON.parse((await get(`http://${host}/json`, host))[1]), list)
      const version = JSON.parse((await get(`http://${host}/json/version`, '[::1]'))[1])
      assert.deepEqual(version, { Browser: `node.js/${process.version}`, 'Protocol-Version': '1.1' })
      assert.equal((await get(`http://${host}/other`, host))[0], 404)
      assert.equal((await get(`http://${host}/json`, 'rebound.example.com'))[0], 400)

      const upgrade = {
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': 13,
        'Sec-WebSocket-Key': 'c2lwbGV0c2lwbGV0c2lwbA==',
      }
      assert.equal((await get(`http://${host}${pathname}`, 'rebound.example.com', upgrade))[0], 400)
      assert.equal((await get(`http://${host}/other`, host, upgrade))[0], 404)
      const client = await Debugger.connect(webSocketUrl)
      assert.equal((await get(`http://${host}${pathname}`, host, upgrade))[0], 409)
      await client.run()
      await client.pause()
      await client.resume()
    })
  })

  it('waits for a debugger before the script runs, and continues the script if the debugger disconnects', async () => {
    const { exitCode, stderr } = await inspecting(router, async (url) => {
      const first = await Debugger.connect(url)
      await first.close()
      const second = await Debugger.connect(url)
      await second.run()
      await second.pause()
      await second.close()
    })
    assert.equal(exitCode, 0, stderr)
  })

  it('supports breakpoints by line in JavaScript without imports, and shows paths in errors', async () => {
    const script = write('classic.js', handler('request_route(msg) {\nconst x = 1\nthrow new Error(x)\n}'))
    const { exitCode, stderr } = await inspecting(script, async (url) => {
      const client = await Debugger.connect(url)
      await client.send('Debugger.setBreakpointByUrl', { url: pathToFileURL(script).href, lineNumber: 2 })
      await client.run()
      assert.equal((await client.pause()).reason, 'Break on start')
      await client.resume()
      assert.equal(await client.evaluate(await client.pause(), 'x'), 1)
      await client.resume()
    })
    assert.equal(exitCode, 1)
    assert.match(stderr, /^request_route: ERR_SIPLET_SCRIPT: Error: 1$/m)
    assert.ok(stderr.includes(`at Object.request_route (${script}:3:7)`), stderr)
  })

  it('refuses Python, a port in use, --watch, and an invalid address', async () => {
    const busy = createServer()
    await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve))
    const { port } = busy.address() as AddressInfo
    const python = scriptFile('def mod_init():\n    return 1\n', 'handler.py')
    try {
      for (const [args, error] of [
        [
          ['-s', python, '--inspect'],
          /^siplet: ERR_SIPLET_INSPECT_LANGUAGE: .*WebAssembly, not Python; use print\(\)/,
        ],
        [
          ['-s', router, `--inspect=127.0.0.1:${port}`],
          /^siplet: ERR_SIPLET_INSPECT_LISTEN: .*:\d+: the port is in use/,
        ],
        [['-s', router, '--inspect', '--watch'], /--inspect .*cannot be used with option '-w, --watch'/],
        [['-s', router, '--inspect=here'], /It must be a port or host:port, such as --inspect=9230/],
      ] as const) {
        const { exitCode, stderr } = await siplet(['exec', message, ...args])
        assert.equal(exitCode, 2)
        assert.match(stderr, error)
      }
    } finally {
      busy.close()
    }
  })
})

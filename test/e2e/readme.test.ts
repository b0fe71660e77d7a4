/** Every claim of the README. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createEngine } from '@siplet/engine'
import { SIPMessage } from '@siplet/sipmsg'
import { siplet } from '../support/cli.ts'
import { keepingLogger, scriptFile } from '../support/engine.ts'
import { INVITE } from '../support/messages.ts'

const ROOT = new URL('../../', import.meta.url)
const README = readFileSync(new URL('README.md', ROOT), 'utf8')
const manifest = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8'))

const SIPMSG_README = readFileSync(new URL('packages/sipmsg/README.md', ROOT), 'utf8')

/** Returns the fenced code blocks of that language. */
function blocks(language: string, text = README): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(([, text]) => text!)
}

/** Times differ from run to run. */
const timeless = (text: string) =>
  text
    .replace(/in [\d.]+ s \([\d,]+\/s\)/, 'in T')
    // On a busy machine, the messages run in more batches.
    .replace(/Time in the script:\n[\s\S]*/, 'Time in the script: T')
    .trimEnd()

describe('the README', function () {
  this.timeout(120_000)

  it('begins with two commands that are scripts of package.json', () => {
    assert.deepEqual(blocks('sh').slice(0, 2), ['npm start\n', 'npm test\n'])
    assert.match(manifest.scripts.start, /run demo$/)
    assert.match(manifest.scripts.test, /run test:all$/)
  })

  it('shows the output of npm start', async () => {
    const [node, main, ...args] = manifest.scripts.demo.split(' ')
    assert.deepEqual([node, main], ['node', 'packages/cli/src/main.ts'])
    const { stdout, exitCode } = await siplet(args)
    assert.equal(exitCode, 0)
    assert.equal(timeless(blocks('text')[0]!), timeless(stdout))
  })

  it('uses an example capture that is equal to the output of examples/make-calls.ts', async () => {
    const before = readFileSync(new URL('examples/calls.pcapng', ROOT))
    await promisify(execFile)(process.execPath, [fileURLToPath(new URL('examples/make-calls.ts', ROOT))])
    assert.deepEqual(readFileSync(new URL('examples/calls.pcapng', ROOT)), before)
  })

  it('shows a script that works', async () => {
    const source = blocks('ts').find((text) => text.includes('mod_init'))!
    await using engine = await createEngine({
      scriptName: scriptFile(source, 'readme.ts'),
      logger: keepingLogger(),
    })
    const result = await engine.exec('request_route', INVITE.replace('sip:bob', 'sip:0049'))
    assert.equal(result.code, 1)
    assert.equal(result.message.ruri, 'sip:+49@example.net')
    assert.equal(result.dstUri, 'sip:192.0.2.49:5060')
    const scanner = INVITE.replace('Max-Forwards: 70', 'User-Agent: friendly-scanner')
    assert.equal((await engine.exec('request_route', scanner)).code, -1)
  })

  it('shows commands that work', async () => {
    const commands = blocks('sh')
      .flatMap((text) => text.split('\n'))
      .filter((line) => line.startsWith('siplet '))
    assert.equal(commands.length, 12)
    for (const command of commands) {
      const { exitCode, stderr } = await siplet(command.split(' ').slice(1))
      assert.equal(exitCode, 0, `${command}: ${stderr}`)
    }
    for (const output of ['decisions.ndjson', 'report.html', 'rewritten.pcapng'])
      rmSync(new URL(output, ROOT))
  })

  it('shows the same proxy commands as docs/proxy.md, which proxy-examples.test.ts tests', () => {
    const commands = (text: string) =>
      text.match(/^(?:\$ )?(?:sipp|siplet serve) .*$/gm)!.map((line) => line.replace('$ ', ''))
    const inProxyPage = commands(readFileSync(new URL('docs/proxy.md', ROOT), 'utf8'))
    assert.equal(inProxyPage.length, 4)
    assert.deepEqual(commands(blocks('console')[0]!), inProxyPage)
  })

  it('shows library code that prints the output in its comments', async () => {
    const source = blocks('ts').find((text) => text.includes('createEngine'))!
    await printsItsComments(source)
  })

  it('of sipmsg shows code that prints the output in its comments, and names accessors that exist', async () => {
    await printsItsComments(blocks('ts', SIPMSG_README)[0]!)
    const rows = [...SIPMSG_README.matchAll(/^\| (`.*?)\|/gm)].map(([, names]) => names!)
    assert.ok(rows.length > 20)
    const message = new SIPMessage(INVITE)
    for (const name of rows
      .join(' ')
      .match(/[a-z]\w+(?=[ `(,])/g)!
      .filter((word) => word !== 'name')) {
      assert.ok(name in message, name)
    }
  })

  it('links to files that exist', () => {
    const links = [...README.matchAll(/\]\(([^)]+)\)/g)]
      .map(([, target]) => target!)
      .filter((target) => !target.startsWith('https:'))
    assert.ok(links.length > 5)
    for (const link of links) assert.ok(existsSync(new URL(link, ROOT)), link)
  })

  it('ARCHITECTURE.md names files that exist', () => {
    const text = readFileSync(new URL('ARCHITECTURE.md', ROOT), 'utf8')
    const names = new Set([...text.matchAll(/[\w/-]+\.ts\b/g)].map(([name]) => name.split('/').at(-1)!))
    assert.ok(names.size > 20)
    const all = ['sipmsg', 'engine', 'proxy', 'cli'].flatMap((name) =>
      readdirSync(new URL(`packages/${name}/src/`, ROOT), { recursive: true }).map((path) => `/${path}`),
    )
    for (const name of names)
      assert.ok(
        all.some((path) => path.endsWith(`/${name}`)),
        name,
      )
  })
})

/** Runs the code: each console.log must print the text of the comment after it. */
async function printsItsComments(source: string): Promise<void> {
  const path = fileURLToPath(new URL('test/e2e/.readme-code.ts', ROOT))
  writeFileSync(path, source)
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [path], { cwd: fileURLToPath(ROOT) })
    const expected = [...source.matchAll(/console\.log\(.*\) +\/\/ (.*)$/gm)].map(([, comment]) => comment!)
    assert.ok(expected.length > 0)
    for (const [index, line] of stdout.trimEnd().split('\n').entries()) {
      if (index < expected.length && !/^untouched/.test(expected[index]!)) assert.equal(line, expected[index])
    }
  } finally {
    rmSync(path)
  }
}

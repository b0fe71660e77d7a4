/**
 * What one script call costs: read the method, the Request-URI and a header, rewrite the Request-URI, set the next
 * hop. Against a plain function call on the same parser (no isolation at all: the physical limit) and against
 * piscina carrying the same bytes to a worker and back, without doing anything with them.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEngine, SIPMessage } from '@siplet/engine'
import { Piscina } from 'piscina'
import { INVITE } from './support/messages.ts'
import { compare, type Outcome } from './support/report.ts'

const MANY = 256
const SCRIPT = `
  class Handler {
    child_init(rank) { return 0 }
    route(msg) {
      if (msg.Method !== 'INVITE' || msg.getHeader('X-Account') !== 'gold-42') return -1
      msg.rewrite_ruri(msg.RURI.replace('bob', 'carol'))
      msg.set_dst_uri('sip:192.0.2.99:5060')
      return 1
    }
  }
  function mod_init() { return new Handler() }`

export async function run(): Promise<Outcome[]> {
  const folder = mkdtempSync(join(tmpdir(), 'siplet-bench-'))
  const scriptName = join(folder, 'route.js')
  writeFileSync(scriptName, SCRIPT)
  const echo = join(folder, 'echo.mjs')
  writeFileSync(echo, 'export default (text) => text')
  await using inline = await createEngine({ scriptName, isolation: 'inline' })
  await using thread = await createEngine({ scriptName, isolation: 'thread' })
  await using two = await createEngine({ scriptName, isolation: 'thread', children: 2, affinity: 'none' })
  const piscina = new Piscina({ filename: echo, minThreads: 1, maxThreads: 1 })
  const text = INVITE.toString('latin1')
  const many = (one: () => Promise<unknown>) => () => Promise.all(Array.from({ length: MANY }, one))
  try {
    return await compare(
      { title: `one script call, ${INVITE.length}-byte INVITE`, reference: 'inline execSync' },
      [
        { name: 'plain function call', messages: 1, run: plainCall },
        { name: 'inline execSync', messages: 1, run: () => inline.execSync('route', INVITE) },
        { name: 'inline exec, alone', messages: 1, run: () => inline.exec('route', INVITE) },
        { name: 'inline exec, 256 at once', messages: MANY, run: many(() => inline.exec('route', INVITE)) },
        { name: 'thread exec, alone', messages: 1, run: () => thread.exec('route', INVITE) },
        { name: 'thread exec, 256 at once', messages: MANY, run: many(() => thread.exec('route', INVITE)) },
        {
          name: 'thread exec, 2 children, 256 at once',
          messages: MANY,
          run: many(() => two.exec('route', INVITE)),
        },
        { name: 'piscina echo, alone', messages: 1, run: () => piscina.run(text) },
        { name: 'piscina echo, 256 at once', messages: MANY, run: many(() => piscina.run(text)) },
      ],
    )
  } finally {
    await piscina.destroy()
    rmSync(folder, { recursive: true })
  }
}

function plainCall(): string {
  const message = new SIPMessage(INVITE)
  if (message.method !== 'INVITE' || message.getHeader('X-Account') !== 'gold-42')
    throw new Error('unexpected')
  message.rewriteRURI(message.ruri!.replace('bob', 'carol'))
  return message.text
}

if (import.meta.main) await run()

/**
 * Checks that memory stays flat: `pnpm soak [messages]`, ten million by default. Prints the resident size of the
 * process twenty times. Messages differ, and every tenth exec names a method that does not exist.
 */
import { createEngine } from '@siplet/engine'
import { SIPMessage } from '@siplet/sipmsg'
import { type FigureRow, type Figures, figuresText } from '../packages/cli/src/bench/figures.ts'
import { INVITE } from '../packages/cli/src/bench/invite.ts'
import { subject } from './support/subject.ts'

const DIALOGS = 10_000
const AT_ONCE = 512
const LINES = 20
const MIB = 2 ** 20

export async function run(total = 10_000_000): Promise<Figures[]> {
  const messages = Array.from({ length: DIALOGS }, (_, id) => {
    const message = new SIPMessage(INVITE)
    message.setHeader('Call-ID', `call-${id}@example.org`)
    return Buffer.from(message.toBytes())
  })
  const rows: FigureRow[] = []
  await using engine = await createEngine({
    ...subject.engine,
    children: 2,
    isolation: 'thread',
    logger: { debug() {}, info() {}, warn() {}, error() {}, fatal() {} },
  })
  const start = performance.now()
  for (let sent = 0, line = 1; sent < total; ) {
    const slice = Math.min(AT_ONCE, total - sent)
    const results = await Promise.all(
      Array.from({ length: slice }, (_, i) => {
        const number = sent + i
        return engine.exec(number % 10 === 0 ? 'missing' : 'route', messages[number % DIALOGS]!)
      }),
    )
    for (const [i, { code }] of results.entries()) {
      if (code !== ((sent + i) % 10 === 0 ? -1 : 1))
        throw new Error(`message ${sent + i} was answered with ${code}`)
    }
    sent += slice
    if (sent < (line * total) / LINES) continue
    line++
    const { rss, heapUsed, external } = process.memoryUsage()
    rows.push({
      name: sent.toLocaleString('en'),
      'RSS MiB': rss / MIB,
      'heap MiB': heapUsed / MIB,
      'external MiB': external / MIB,
      'messages/s': (1_000 * sent) / (performance.now() - start),
    })
  }
  return [
    {
      title: 'messages so far',
      columns: { 'RSS MiB': 0, 'heap MiB': 0, 'external MiB': 0, 'messages/s': 0 },
      rows,
    },
  ]
}

if (import.meta.main) {
  const total = Number(process.argv[2] ?? 10_000_000)
  if (!Number.isSafeInteger(total) || total < AT_ONCE * LINES) {
    console.error(`the number of messages must be an integer of at least ${AT_ONCE * LINES}`)
    process.exit(2)
  }
  for (const figures of await run(total)) console.log(figuresText(figures))
}

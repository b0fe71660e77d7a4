/**
 * Checks that the proxy stays stable under calls: `node benchmarks/proxy/soak.ts [minutes] [calls a second]`, 30
 * and 30 by default. Prints every minute: calls, resident size, open files, transactions. At the end, after all timers,
 * nothing may be left. The report says what failed calls got, with the errors that the proxy counted.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { type FigureRow, type Figures, figuresText } from '../../packages/cli/src/bench/figures.ts'
import { Sipp } from '../../test/support/sipp.ts'
import { siplet } from './subjects.ts'

const PORTS = { proxy: 17_060, backend: 17_070 }
const CLIENT_PORT = 17_080
const HTTP = '127.0.0.1:17090'
/** The longest timers of section 17, and a margin. */
const TIMERS_MS = 40_000
const MIB = 2 ** 20
const PAGE = 4_096

/** Functions of every kind, and state that grows if something is kept. */
const SCRIPT = `export function mod_init() {
  return {
    child_init: () => 0,
    request_route(msg) {
      if (msg.call_function('loose_route') < 0) {
        msg.call_function('record_route')
        msg.call_function('t_on_reply', 'replies')
        msg.call_function('t_on_failure', 'failed')
      }
      msg.set_dst_uri('sip:127.0.0.1:#BACKEND#')
      return msg.call_function('t_relay')
    },
    replies: (msg) => (msg.appendHeader('X-Soak', msg.Status), 1),
    failed: () => 1,
  }
}
`

export async function run(minutes: number, rate: number): Promise<Figures[]> {
  await using proxy = await siplet('soak', 'thread', SCRIPT, { http: HTTP }).start(PORTS)
  if (proxy === null) throw new Error('the proxy does not come up')
  await using _server = new Sipp(['-sn', 'uas', '-i', '127.0.0.1', '-p', String(PORTS.backend)])
  const calls = Math.round(minutes * 60 * rate)
  await using client = new Sipp([
    ...['-sn', 'uac', '-i', '127.0.0.1', '-p', String(CLIENT_PORT), `127.0.0.1:${PORTS.proxy}`],
    ...['-r', String(rate), '-m', String(calls), '-d', '1000'],
  ])
  const rows: FigureRow[] = []
  const scrape = async () => await (await fetch(`http://${HTTP}/metrics`)).text()
  const look = async (name: string) => {
    const metrics = await scrape()
    const value = (key: string) =>
      Number(
        metrics
          .split('\n')
          .find((line) => line.startsWith(key))
          ?.split(' ')
          .at(-1) ?? 0,
      )
    const row = {
      name,
      calls: value('siplet_proxy_requests_received_total{method="INVITE"}'),
      'RSS MiB': (Number(readFileSync(`/proc/${proxy.pid}/statm`, 'utf8').split(' ')[1]) * PAGE) / MIB,
      files: readdirSync(`/proc/${proxy.pid}/fd`).length,
      client: value('siplet_proxy_transactions{side="client"}'),
      server: value('siplet_proxy_transactions{side="server"}'),
      unfinished: value('siplet_proxy_unfinished'),
    }
    rows.push(row)
    console.error(JSON.stringify(row))
  }
  const result = client.result()
  let done = false
  result.then(() => {
    done = true
  })
  for (let minute = 0; !done; minute++) {
    await look(`${minute} min`)
    await Promise.race([result, delay(60_000)])
  }
  const { successful, failed, retransmissions, errors } = await result
  await look('last call')
  await delay(TIMERS_MS)
  await look('timers through')
  return [
    {
      title: 'after',
      columns: { calls: 0, 'RSS MiB': 0, files: 0, client: 0, server: 0, unfinished: 0 },
      rows,
      note: `${successful} calls successful, ${failed} failed, ${retransmissions} retransmissions at ${rate}/s; isolation thread, four functions called and one ONREPLY_ROUTE a reply.`,
    },
    { title: 'what failed calls got', columns: { times: 0 }, rows: unexpected(errors) },
    { title: 'errors the proxy counted', columns: { times: 0 }, rows: counted(await scrape()) },
  ]
}

/** Returns what SIPp received instead of the expected message, or why it gave up, with counts. */
function unexpected(errors: string): FigureRow[] {
  const times = new Map<string, number>()
  const add = (what: string) => times.set(what, (times.get(what) ?? 0) + 1)
  for (const [, why] of errors.matchAll(/Aborting call on (.*)/g)) {
    const [, expected, got] = /while expecting '([^']*)'.*?received '(.*)$/.exec(why!.trim()) ?? []
    add(got === undefined ? why!.replace(/ for Call-I[Dd].*/, '') : `${got} instead of ${expected}`)
  }
  return [...times].map(([name, count]) => ({ name, times: count }))
}

/** Returns the proxy's error counters that are not 0. */
function counted(metrics: string): FigureRow[] {
  const lines = metrics.matchAll(
    /^siplet_(?:proxy_)?(\w*(?:errors|rebuilds|refused|dropped)\w*\{.*\}) ([1-9]\d*)$/gm,
  )
  return [...lines].map(([, name, count]) => ({ name: name!, times: Number(count) }))
}

if (import.meta.main) {
  const [minutes = 30, rate = 30] = process.argv.slice(2).map(Number)
  for (const figures of await run(minutes, rate)) console.log(figuresText(figures))
}

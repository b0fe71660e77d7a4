/**
 * Sends SIPp calls through siplet and through Kamailio with the same routing, side by side. Measures CPU time per
 * message, added latency, calls per second, and losses at 80 % of that rate. All of them share the cores with SIPp.
 */
import type { FigureRow, Figures } from '../../packages/cli/src/bench/figures.ts'
import { figuresText } from '../../packages/cli/src/bench/figures.ts'
import { SIPP_MISSING, Sipp, type SippResult, sipp } from '../../test/support/sipp.ts'
import { addedLatency } from './latency.ts'
import { type Running, SUBJECTS, type Subject } from './subjects.ts'

const PORTS = { proxy: 18_060, backend: 18_070 }
const CLIENT_PORT = 18_080
const BASE_RATE = 800
/** V8 compiles code that is called often. Before about 6,000 calls, much of the measured time is compilation. */
const WARM_UP_SECONDS = 8
const BASE_SECONDS = 4
const STEPS = [1_000, 1_300, 1_600, 2_000, 2_500, 3_000, 4_000]
const STEP_SECONDS = 2
const PROBES = 500
/** Messages of a call that the proxy receives: INVITE, 180, 200, ACK, BYE, 200. */
const MESSAGES_PER_CALL = 6

const COLUMNS = {
  'CPU µs/message': 0,
  'added p50 µs': 0,
  'added p99 µs': 0,
  'calls/s': 0,
  'lost at 80 %': 0,
}

export async function run(): Promise<Figures[]> {
  const notes: string[] = []
  const rows: FigureRow[] = []
  if (SIPP_MISSING !== null) notes.push(SIPP_MISSING)
  else {
    for (const subject of SUBJECTS) {
      const row = await measure(subject)
      if (row === null) notes.push(`${subject.name}: not installed, or it does not start`)
      else rows.push(row)
    }
  }
  const note = `CPU at ${BASE_RATE} calls/s, latency on an idle proxy; calls/s: the highest step without a failed call and with under 1 % retransmissions.`
  return [{ title: 'calls through a proxy', columns: COLUMNS, rows, note: [note, ...notes].join('\n') }]
}

async function measure(subject: Subject): Promise<FigureRow | null> {
  await using proxy = await subject.start(PORTS)
  if (proxy === null) return null
  await using backend = new Backend()
  await calls(proxy, BASE_RATE, WARM_UP_SECONDS)
  const before = proxy.cpu()
  const base = await calls(proxy, BASE_RATE, BASE_SECONDS)
  const cpu = (proxy.cpu() - before) / (base.successful * MESSAGES_PER_CALL)
  const capacity = await highest(proxy)
  const rate = Math.round(capacity * 0.8)
  const lost = capacity === 0 ? null : (await calls(proxy, rate, BASE_SECONDS)).failed
  await backend.stop()
  const latency = await addedLatency(PORTS.proxy, PORTS.backend, PROBES)
  return {
    name: subject.name,
    'CPU µs/message': cpu,
    'added p50 µs': latency.p50,
    'added p99 µs': latency.p99,
    'calls/s': capacity,
    'lost at 80 %': lost,
  }
}

/** Returns 0 if even the first step is too much. */
async function highest(proxy: Running): Promise<number> {
  let reached = 0
  for (const rate of STEPS) {
    const { failed, retransmissions, successful } = await calls(proxy, rate, STEP_SECONDS)
    if (failed > 0 || retransmissions > successful * 0.01 || successful < rate * STEP_SECONDS) break
    reached = rate
  }
  return reached
}

async function calls({ port }: Running, rate: number, seconds: number): Promise<SippResult> {
  return await sipp([
    ...['-sn', 'uac', '-i', '127.0.0.1', '-p', String(CLIENT_PORT), `127.0.0.1:${port}`, '-d', '0'],
    ...['-r', String(rate), '-m', String(rate * seconds)],
    // SIPp's global -timeout does not end a call that waits for a request, so such a call would never end.
    ...['-recv_timeout', '5000'],
  ])
}

class Backend implements AsyncDisposable {
  readonly #sipp = new Sipp(['-sn', 'uas', '-i', '127.0.0.1', '-p', String(PORTS.backend)])

  async stop(): Promise<void> {
    await this.#sipp[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

if (import.meta.main) {
  for (const figures of await run()) console.log(figuresText(figures))
}

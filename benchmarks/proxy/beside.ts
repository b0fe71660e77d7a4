/**
 * Measures CPU time per message of siplet and of Kamailio with app_python3. Both proxies run at the same time, each
 * with its own SIPp on both sides, so that other work on the machine affects both. `node benchmarks/proxy/beside.ts`,
 * 3 minutes.
 */
import { type FigureRow, type Figures, figuresText } from '../../packages/cli/src/bench/figures.ts'
import { SIPP_MISSING, Sipp, sipp } from '../../test/support/sipp.ts'
import { type Ports, SUBJECTS, type Subject } from './subjects.ts'

const RATE = 400
const WARM_UP_SECONDS = 16
const SECONDS = 20
const MESSAGES_PER_CALL = 6
const PORTS: [Ports, Ports] = [
  { proxy: 18_060, backend: 18_070 },
  { proxy: 18_160, backend: 18_170 },
]
const COLUMNS = { 'CPU µs/message': 0, 'Kamailio beside it': 0, ratio: 1 }

export async function run(): Promise<Figures[]> {
  const title = 'beside Kamailio, app_python3'
  if (SIPP_MISSING !== null) return [{ title, columns: COLUMNS, rows: [], note: SIPP_MISSING }]
  const kamailio = SUBJECTS.find(({ name }) => name === 'Kamailio, app_python3')!
  const rows: FigureRow[] = []
  for (const subject of SUBJECTS.filter(({ name }) => name.startsWith('siplet'))) {
    const cpu = await cpuOf(subject, kamailio)
    if (cpu === null) return [{ title, columns: COLUMNS, rows, note: `${kamailio.name}: not installed` }]
    const [own, other] = cpu
    rows.push({ name: subject.name, 'CPU µs/message': own, 'Kamailio beside it': other, ratio: own / other })
  }
  return [{ title, columns: COLUMNS, rows, note: `Each at ${RATE} calls/s, at the same time.` }]
}

/** Returns microseconds per message of both, running at the same time; null if one does not start. */
export async function cpuOf(one: Subject, other: Subject): Promise<[number, number] | null> {
  await using first = await one.start(PORTS[0])
  await using second = await other.start(PORTS[1])
  if (first === null || second === null) return null
  await using _backend = uas(PORTS[0])
  await using _otherBackend = uas(PORTS[1])
  const calls = (seconds: number) => Promise.all(PORTS.map(({ proxy }) => uac(proxy, seconds)))
  await calls(WARM_UP_SECONDS)
  const before = [first.cpu(), second.cpu()]
  const [a, b] = await calls(SECONDS)
  const messages = [a!.successful * MESSAGES_PER_CALL, b!.successful * MESSAGES_PER_CALL]
  return [(first.cpu() - before[0]!) / messages[0]!, (second.cpu() - before[1]!) / messages[1]!]
}

function uas({ backend }: Ports): Sipp {
  return new Sipp(['-sn', 'uas', '-i', '127.0.0.1', '-p', String(backend)])
}

function uac(proxy: number, seconds: number) {
  return sipp([
    ...['-sn', 'uac', '-i', '127.0.0.1', '-p', String(proxy + 20), `127.0.0.1:${proxy}`, '-d', '0'],
    ...['-r', String(RATE), '-m', String(RATE * seconds), '-recv_timeout', '5000'],
  ])
}

if (import.meta.main) {
  for (const figures of await run()) console.log(figuresText(figures))
}

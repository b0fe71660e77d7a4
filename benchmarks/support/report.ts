/** Runs the cases of one benchmark side by side, and shows them as one table with ratios. */
import Table from 'cli-table3'
import { Bench } from 'tinybench'

export interface Case {
  name: string
  /** Messages one call of `run` stands for. */
  messages: number
  /** Bytes of these messages; where it is given, the table shows a rate in MB/s. */
  bytes?: number
  run(): unknown
}

/** One line of the outcome; times are microseconds per message. */
export interface Outcome {
  name: string
  us: number
  /** Half of the calls lie within this much of the median, in percent of it. */
  spread: number
  messagesPerSecond: number
  bytesPerSecond?: number
  /** Time against that of the reference. */
  ratio: number
}

export interface BenchmarkOptions {
  title: string
  /** Name of the case that ratios are against. */
  reference: string
  /** Milliseconds each case runs for. */
  time?: number
}

export async function compare(
  { title, reference, time = 1_000 }: BenchmarkOptions,
  cases: readonly Case[],
): Promise<Outcome[]> {
  const bench = new Bench({ time, warmupTime: time / 4 })
  for (const { name, run } of cases) bench.add(name, () => run())
  await bench.run()
  const rows = cases.map(({ name, messages, bytes }) => {
    const result = bench.getTask(name)!.result
    if (!('latency' in result)) throw new Error(`${name}: ${result.state}`)
    const { p50, mad } = result.latency
    return {
      name,
      us: (p50 * 1_000) / messages,
      spread: p50 === 0 ? 0 : (100 * mad) / p50,
      ...(bytes !== undefined && { bytesPerSecond: (bytes * 1_000) / p50 }),
    }
  })
  const base = rows.find(({ name }) => name === reference)!.us
  const outcomes = rows.map((row) => ({ ...row, messagesPerSecond: 1e6 / row.us, ratio: row.us / base }))
  print(title, reference, outcomes)
  return outcomes
}

function print(title: string, reference: string, outcomes: readonly Outcome[]): void {
  const inBytes = outcomes.some(({ bytesPerSecond }) => bytesPerSecond !== undefined)
  const table = new Table({
    head: [title, 'µs/message', '± %', 'messages/s', ...(inBytes ? ['MB/s'] : []), `× ${reference}`],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  })
  for (const { name, us, spread, messagesPerSecond, bytesPerSecond, ratio } of outcomes) {
    table.push([
      name,
      us.toFixed(2),
      spread.toFixed(0),
      Math.round(messagesPerSecond).toLocaleString('en'),
      ...(inBytes ? [((bytesPerSecond ?? 0) / 1e6).toFixed(0)] : []),
      ratio.toFixed(2),
    ])
  }
  console.log(table.toString())
}

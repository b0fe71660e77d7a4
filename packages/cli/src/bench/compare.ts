/** Runs cases side by side, each many times, and computes their ratios. */
import { Bench } from 'tinybench'
import type { Figures } from './figures.ts'

export interface Case {
  name: string
  /** Number of messages that one call of `run` handles. */
  messages: number
  /** Bytes of these messages. If given, the table shows a rate in MB/s. */
  bytes?: number
  run(): unknown
}

export interface CompareOptions {
  title: string
  /** Name of the case that the ratios refer to. */
  reference: string
  /** Milliseconds that each case runs. */
  time?: number
  note?: string
}

/**
 * Returns microseconds per message (medians). `±` is the range around the median that holds half of the calls, in
 * percent.
 */
export async function compare(options: CompareOptions, cases: readonly Case[]): Promise<Figures> {
  const { title, reference, time = 1_000, note } = options
  const bench = new Bench({ time, warmupTime: time / 4 })
  for (const { name, run } of cases) bench.add(name, () => run())
  await bench.run()
  const times = cases.map(({ name, messages, bytes }) => {
    const result = bench.getTask(name)!.result
    if (!('latency' in result)) {
      throw 'error' in result ? result.error : new Error(`${name}: ${result.state}`)
    }
    const { p50, mad } = result.latency
    return {
      name,
      us: (p50 * 1_000) / messages,
      spread: p50 === 0 ? 0 : (100 * mad) / p50,
      'MB/s': bytes === undefined ? null : bytes / (p50 * 1_000),
    }
  })
  const base = times.find(({ name }) => name === reference)!.us
  const ratio = `× ${reference}`
  const inBytes = times.some((row) => row['MB/s'] !== null)
  return {
    title,
    columns: { 'µs/message': 2, '± %': 0, 'messages/s': 0, ...(inBytes && { 'MB/s': 0 }), [ratio]: 2 },
    rows: times.map(({ name, us, spread, 'MB/s': rate }) => ({
      name,
      'µs/message': us,
      '± %': spread,
      'messages/s': 1e6 / us,
      ...(inBytes && { 'MB/s': rate }),
      [ratio]: us / base,
    })),
    ...(note !== undefined && { note }),
  }
}

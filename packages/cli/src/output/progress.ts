/** How far a replay has come, on stderr: a bar on a terminal, a line now and then otherwise. */
import { Presets, SingleBar } from 'cli-progress'

const QUIET_MS = 5_000

export interface Progress {
  /** @param bytes of the captures read so far */
  update(bytes: number, messages: number): void
  stop(): void
}

/** @param total bytes of all captures */
export function showProgress(total: number): Progress {
  return process.stderr.isTTY ? bar(total) : lines(total)
}

function bar(total: number): Progress {
  const format = '{bar} {percentage}% | {messages} messages | {eta_formatted} left'
  const single = new SingleBar(
    { format, stream: process.stderr, clearOnComplete: true },
    Presets.shades_classic,
  )
  single.start(total, 0, { messages: 0 })
  return {
    update: (bytes, messages) => single.update(bytes, { messages: messages.toLocaleString('en') }),
    stop: () => single.stop(),
  }
}

function lines(total: number): Progress {
  let said = performance.now()
  return {
    update(bytes, messages) {
      if (performance.now() - said < QUIET_MS) return
      said = performance.now()
      const percentage = total === 0 ? 100 : Math.floor((100 * bytes) / total)
      console.error(`${percentage} % | ${messages.toLocaleString('en')} messages`)
    },
    stop() {},
  }
}

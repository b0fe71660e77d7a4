/** Shows the progress of a replay on stderr: a bar on a terminal, otherwise a line now and then. */
import { Presets, SingleBar } from 'cli-progress'
import { tell } from './talk.ts'

const QUIET_MS = 5_000

export interface Progress {
  /** @param bytes number of bytes read from the captures so far */
  update(bytes: number, messages: number): void
  stop(): void
}

/** @param total bytes of all captures. 0 if unknown: then neither percentage nor remaining time is shown. */
export function showProgress(total: number): Progress {
  return process.stderr.isTTY ? bar(total) : lines(total)
}

function bar(total: number): Progress {
  const counts = '{messages} messages, {rate}/s'
  const format = total === 0 ? counts : `{bar} {percentage} % | ${counts} | {eta_formatted} left`
  const options = { format, stream: process.stderr, clearOnComplete: true, barsize: 30, linewrap: null }
  const single = new SingleBar(options, Presets.shades_classic)
  const rate = sinceNow()
  single.start(total, 0, { messages: 0, rate: 0 })
  return {
    update: (bytes, messages) =>
      single.update(bytes, { messages: messages.toLocaleString('en'), rate: rate(messages) }),
    stop: () => single.stop(),
  }
}

function lines(total: number): Progress {
  const rate = sinceNow()
  let said = performance.now()
  return {
    update(bytes, messages) {
      if (performance.now() - said < QUIET_MS) return
      said = performance.now()
      const share = total === 0 ? '' : `${Math.floor((100 * bytes) / total)} % | `
      tell(`${share}${messages.toLocaleString('en')} messages, ${rate(messages)}/s`)
    },
    stop() {},
  }
}

/** @returns a function that turns a count into a rate per second, counted from now */
function sinceNow(): (count: number) => string {
  const start = performance.now()
  return (count) => Math.round((1_000 * count) / Math.max(1, performance.now() - start)).toLocaleString('en')
}

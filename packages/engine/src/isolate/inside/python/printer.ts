/** Turns printed text into log lines: print() at level INFO, sys.stderr at level ERR. */
import { decodeUtf8 } from '@siplet/sipmsg'
import type { LogLevel } from '../../../wire/verdict.ts'

const STDERR = 2
/** Maximum length of a line in bytes. Longer lines are split. */
const MAX_LINE = 8_192

/** Returns a function that takes one-byte text as it is printed, and logs it line by line. */
export function printer(
  log: (level: LogLevel, text: string) => void,
): (descriptor: number, text: string) => void {
  const begun = ['', '']
  return (descriptor, text) => {
    const stream = descriptor === STDERR ? 1 : 0
    const lines = (begun[stream] + text).split('\n')
    let rest = lines.pop()!
    if (rest.length > MAX_LINE) {
      lines.push(rest)
      rest = ''
    }
    begun[stream] = rest
    for (const line of lines) log(stream === 1 ? 'ERR' : 'INFO', decodeUtf8(line.replace(/\r$/, '')))
  }
}

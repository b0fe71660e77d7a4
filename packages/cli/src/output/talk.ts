/** What commands say to people: a line an entry, whatever names and messages stand in it. */
import { printableLines } from '@siplet/engine'

/** Further lines of an entry begin with it, so that none of them looks like another one. */
export const INDENT = '    '

/** Says something on stdout. */
export function say(text: string): void {
  process.stdout.write(`${printableLines(text, INDENT)}\n`)
}

/** Says something on stderr. */
export function tell(text: string): void {
  process.stderr.write(`${printableLines(text, INDENT)}\n`)
}

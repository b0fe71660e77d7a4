/** Output of commands for people: one entry per line, whatever names and messages it contains. */
import { printableLines } from '@siplet/engine'

/** Prefix of the further lines of an entry, so that none of them looks like an entry of its own. */
export const INDENT = '    '

/** Prints a text to stdout. */
export function say(text: string): void {
  process.stdout.write(`${printableLines(text, INDENT)}\n`)
}

/** Prints a text to stderr. */
export function tell(text: string): void {
  process.stderr.write(`${printableLines(text, INDENT)}\n`)
}

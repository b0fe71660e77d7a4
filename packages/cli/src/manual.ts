/** The text about a command beyond its options. `--help` and docs/cli.md both use it. */
import type { Command } from 'commander'

export interface Manual {
  /** Paragraphs in Markdown, for the page only, because `--help` should be short. */
  details?: readonly string[]
  /** Command lines, the simplest first. */
  examples: readonly string[]
  /** By number. Exit codes that all commands share are with the program. */
  exitStatus?: Readonly<Record<number, string>>
  /** Further lists by title. Each entry has an item and its explanation. */
  sections?: Readonly<Record<string, readonly (readonly [item: string, text: string])[]>>
}

const manuals = new WeakMap<Command, Manual>()

/** Attaches a manual to a command, and shows it below the options in `--help`. */
export function withManual(command: Command, manual: Manual): Command {
  manuals.set(command, manual)
  return command.addHelpText('after', () => helpText(manual))
}

export function manualOf(command: Command): Manual | undefined {
  return manuals.get(command)
}

function helpText({ examples, exitStatus = {}, sections = {} }: Manual): string {
  const lists = Object.entries({
    ...sections,
    ...(Object.keys(exitStatus).length > 0 && { 'Exit status': Object.entries(exitStatus) }),
  })
  const texts = lists.map(([title, items]) => {
    const width = Math.max(...items.map(([item]) => item.length))
    return `${title}:\n${items.map(([item, text]) => `  ${item.padEnd(width)}  ${text}`).join('\n')}\n`
  })
  return ['', ...texts, `Examples:\n${examples.map((line) => `  ${line}`).join('\n')}`].join('\n')
}

/** What a command's help and its page in docs/cli.md say beyond its options: written once, shown in both. */
import type { Command } from 'commander'

export interface Manual {
  /** Paragraphs of Markdown, for the page only: `--help` is to be short. */
  details?: readonly string[]
  /** Command lines, the plainest first. */
  examples: readonly string[]
  /** By number; what all commands share stands with the program. */
  exitStatus?: Readonly<Record<number, string>>
  /** More lists, by title: what is explained, and what is said of it. */
  sections?: Readonly<Record<string, readonly (readonly [item: string, text: string])[]>>
}

const manuals = new WeakMap<Command, Manual>()

/** Gives a command its manual, and shows it below the options of `--help`. */
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

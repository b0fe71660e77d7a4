/** Writes docs/cli.md, the manual of the command line, from the definitions of the commands. */
import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { CAPTURE_ERRORS } from '../src/capture/errors.ts'
import { CLI_ERRORS } from '../src/errors.ts'
import { manualOf } from '../src/manual.ts'
import { createProgram } from '../src/program.ts'

export const MANUAL = new URL('../../../docs/cli.md', import.meta.url)

/** Returns the content of docs/cli.md. */
export function manual(): string {
  const program = createProgram(() => {})
  const errors = Object.entries({ ...CLI_ERRORS, ...CAPTURE_ERRORS })
  return `${[
    '# siplet(1)',
    '<!-- Written by `pnpm run docs` from the definitions of the commands: change those. -->',
    ...page(program, 'siplet', '##'),
    ...program.commands.flatMap((command) => [
      `## siplet ${command.name()}`,
      ...page(command, `siplet ${command.name()}`, '###'),
    ]),
    '## Errors',
    'Errors are written to standard error as `siplet: CODE: message`. Codes are stable. The codes of scripts are listed in [the engine](../packages/engine/src/errors.ts), those of `siplet serve` in [the proxy](../packages/proxy/src/errors.ts), those of messages in [sipmsg](../packages/sipmsg/src/errors.ts). All others:',
    table(errors),
    '## See also',
    '[Captures](captures.md), [replaying](replay.md), [reports](report.md), [the proxy](proxy.md), [Python](python.md), [observability](observability.md).',
  ].join('\n\n')}\n`
}

/** Returns the sections of one command, in the order of a manual page. */
function page(command: Command, name: string, level: string): string[] {
  const help = command.createHelp()
  const { details = [], examples, exitStatus = {}, sections = {} } = manualOf(command)!
  const tables: [title: string, rows: readonly (readonly [string, string])[]][] = [
    ['Commands', command.commands.map((one) => [`siplet ${one.name()}`, one.description()])],
    ['Arguments', command.registeredArguments.map((one) => [one.name(), help.argumentDescription(one)])],
    ['Options', help.visibleOptions(command).map((one) => [one.flags, help.optionDescription(one)])],
    ['Exit status', Object.entries(exitStatus)],
    ...Object.entries(sections),
  ]
  return [
    `${level} Name`,
    `\`${name}\` - ${command.description()}`,
    `${level} Synopsis`,
    commandLines([`${name} ${command.usage()}`]),
    ...(details.length === 0 ? [] : [`${level} Description`, ...details]),
    ...tables
      .filter(([, rows]) => rows.length > 0)
      .flatMap(([title, rows]) => [`${level} ${title}`, table(rows)]),
    `${level} Examples`,
    commandLines(examples),
  ]
}

function commandLines(lines: readonly string[]): string {
  return `\`\`\`sh\n${lines.join('\n')}\n\`\`\``
}

/** Returns a table whose first column is code. Columns are aligned as the formatter aligns them. */
function table(rows: readonly (readonly [string, string])[]): string {
  const cells = rows.map(([item, text]) => [`\`${item}\``, text].map((cell) => cell.replaceAll('|', '\\|')))
  const widths = [0, 1].map((column) => Math.max(...cells.map((row) => row[column]!.length)))
  const line = (row: readonly string[], filler: string) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column]!, filler)).join(' | ')} |`
  return [line(['', ''], ' '), line(['', ''], '-'), ...cells.map((row) => line(row, ' '))].join('\n')
}

if (import.meta.main) await writeFile(MANUAL, manual())

/** All commands: the only definition for parsing, --help, completions and docs/cli.md. */
import { createRequire } from 'node:module'
import { printableLines } from '@siplet/engine'
import { Command } from 'commander'
import { benchCommand } from './commands/bench.ts'
import { checkCommand } from './commands/check.ts'
import { completionCommand } from './commands/completion.ts'
import { execCommand } from './commands/exec.ts'
import { initCommand } from './commands/init.ts'
import { replayCommand } from './commands/replay/command.ts'
import { serveCommand } from './commands/serve.ts'
import { EXIT } from './errors.ts'
import { type Manual, withManual } from './manual.ts'
import { INDENT } from './output/talk.ts'

/** Text that applies to every command. */
const MANUAL: Manual = {
  details: [
    'A routing script has an init function that returns an object. The object has a method for requests and one for replies, which are called once per SIP message. Scripts are written in JavaScript, TypeScript or Python. They run in V8 isolates with limits on time and memory.',
    'Results are written to standard output, or to the file that an option names. Everything else, such as progress and log lines of scripts, is written to standard error.',
  ],
  exitStatus: {
    [EXIT.DONE]: 'done',
    [EXIT.SCRIPT_ERROR]: 'the command ran, and its result counts as a failure; see each command',
    [EXIT.UNUSABLE]: 'wrong usage, or an input that cannot be used',
  },
  sections: {
    Environment: [
      ['NO_COLOR', 'if set and not empty, disables colour, even on a terminal (https://no-color.org)'],
    ],
    Files: [
      ['*.js *.mjs *.cjs *.ts *.mts *.py', 'routing scripts; files that they import are read as well'],
      ['*.pcap *.pcapng *.gz *.zst', 'captures; a folder means all captures in it'],
      ['*.yaml *.yml *.json', 'configurations of siplet serve'],
    ],
  },
  examples: ['siplet init routing', 'siplet replay calls.pcapng --script handler.ts', 'siplet help replay'],
}

const { version } = createRequire(import.meta.url)('../package.json')

/** @param finish called with the exit code of the command that ran, see EXIT */
export function createProgram(finish: (exitCode: number) => void): Command {
  const program = withManual(new Command('siplet'), MANUAL)
    .description(
      'SIP routing scripts in isolated VMs: create a script, try it, check it, and replay captures through it.',
    )
    .version(version, '-v, --version')
    .configureOutput({ writeErr: complain })
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(--help shows all options)')
  for (const command of [
    replayCommand(finish),
    execCommand(finish),
    checkCommand(finish),
    initCommand(),
    benchCommand(finish),
    serveCommand(finish),
    completionCommand(),
  ]) {
    program.addCommand(
      command
        .configureOutput({ writeErr: complain })
        .exitOverride()
        .showHelpAfterError('(--help shows all options)'),
    )
  }
  return program
}

/** Lines that commander adds to an error. Any other further line is part of an argument. */
const OUR_LINES = /^\(Did you mean .*\?\)$|^error: missing required argument '[\w-]+'$/

/** Prints errors of commander about arguments. An argument may be a file name that somebody else chose. */
function complain(text: string): void {
  const lines = printableLines(text).split('\n')
  const shown = lines.map((line, at) =>
    at === 0 || line === '' || OUR_LINES.test(line) ? line : INDENT + line,
  )
  process.stderr.write(shown.join('\n'))
}

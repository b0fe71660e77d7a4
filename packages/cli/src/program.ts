/** All commands: the only definition for parsing, --help, completions and docs/cli.md. */
import { createRequire } from 'node:module'
import { printableLines } from '@siplet/engine'
import { Command } from 'commander'
import { benchCommand } from './commands/bench.ts'
import { checkCommand } from './commands/check.ts'
import { completionCommand } from './commands/completion.ts'
import { execCommand } from './commands/exec.ts'
import { initCommand } from './commands/init.ts'
import { replayCommand } from './commands/replay.ts'
import { serveCommand } from './commands/serve.ts'
import { EXIT } from './errors.ts'
import { type Manual, withManual } from './manual.ts'
import { INDENT } from './output/talk.ts'

/** Text that applies to every command. */
const MANUAL: Manual = {
  details: [
    'A routing script has an init function that returns an object; the object has a method for requests and one for replies, called once per SIP message. It is JavaScript, TypeScript or Python, and runs in isolates of V8 with a limit of time and of memory.',
    'Data goes to standard output, or to the file it was asked for; everything else, such as progress and what scripts log, to standard error.',
  ],
  exitStatus: {
    [EXIT.DONE]: 'done',
    [EXIT.SCRIPT_ERROR]: 'done, with an outcome that counts as a failure: each command says which',
    [EXIT.UNUSABLE]: 'bad usage, or input that cannot be used',
  },
  sections: {
    Environment: [
      ['NO_COLOR', 'where it is not empty, no colours, on a terminal neither (https://no-color.org)'],
    ],
    Files: [
      ['*.js *.mjs *.cjs *.ts *.mts *.py', 'routing scripts; what they import is read, too'],
      ['*.pcap *.pcapng *.gz *.zst', 'captures; a folder stands for those in it'],
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
      'SIP routing scripts in isolated VMs: begin a script, try it, check it, replay captures through it.',
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

/** All commands: the one definition that parsing, --help, completions and docs/cli.md come from. */
import { createRequire } from 'node:module'
import { Command } from 'commander'
import { benchCommand } from './commands/bench.ts'
import { checkCommand } from './commands/check.ts'
import { completionCommand } from './commands/completion.ts'
import { execCommand } from './commands/exec.ts'
import { initCommand } from './commands/init.ts'
import { replayCommand } from './commands/replay.ts'
import { serveCommand } from './commands/serve.ts'
import { withManual } from './manual.ts'

const { version } = createRequire(import.meta.url)('../package.json')

/** @param finish told the exit code of the command that ran, see EXIT */
export function createProgram(finish: (exitCode: number) => void): Command {
  const program = withManual(new Command('siplet'), {
    examples: ['siplet init routing', 'siplet replay calls.pcapng --script handler.ts', 'siplet help replay'],
  })
    .description(
      'SIP routing scripts in isolated VMs: begin a script, try it, check it, replay captures through it.',
    )
    .version(version)
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
    program.addCommand(command.exitOverride().showHelpAfterError('(--help shows all options)'))
  }
  return program
}

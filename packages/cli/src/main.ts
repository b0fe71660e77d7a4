/** The command line: which commands there are, and how they end. */
import { createRequire } from 'node:module'
import { Command, CommanderError } from 'commander'
import { benchCommand } from './commands/bench.ts'
import { checkCommand } from './commands/check.ts'
import { execCommand } from './commands/exec.ts'
import { initCommand } from './commands/init.ts'
import { replayCommand } from './commands/replay.ts'
import { serveCommand } from './commands/serve.ts'
import { EXIT } from './errors.ts'
import { reportError } from './report-error.ts'

const { version } = createRequire(import.meta.url)('../package.json')

/**
 * Runs one command. Nothing is thrown for what users do: the message is on stderr then.
 *
 * @param argv as process.argv
 * @returns the exit code, see EXIT
 */
export async function main(argv: readonly string[]): Promise<number> {
  let exitCode: number = EXIT.DONE
  const finish = (code: number) => {
    exitCode = code
  }
  const program = new Command('siplet')
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
  ]) {
    program.addCommand(command.exitOverride().showHelpAfterError('(--help shows all options)'))
  }
  try {
    await program.parseAsync(argv)
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.DONE : EXIT.UNUSABLE
    reportError(error)
    return EXIT.UNUSABLE
  }
}

if (import.meta.main) process.exitCode = await main(process.argv)

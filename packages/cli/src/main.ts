/** The command line: how commands end. */
import { type Command, CommanderError } from 'commander'
import { EXIT } from './errors.ts'
import { guardStandardStreams } from './output/standard-streams.ts'
import { createProgram } from './program.ts'
import { reportError } from './report-error.ts'

/**
 * Runs one command. Nothing is thrown for what users do: the message is on stderr then.
 *
 * @param argv as process.argv
 * @returns the exit code, see EXIT
 */
export async function main(argv: readonly string[]): Promise<number> {
  guardStandardStreams()
  let exitCode: number = EXIT.DONE
  const program = createProgram((code) => {
    exitCode = code
  })
  try {
    await program.parseAsync(withKnownHelp(program, argv.map(withOwnValue)))
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.DONE : EXIT.UNUSABLE
    reportError(error)
    return EXIT.UNUSABLE
  }
}

/** `help` of a command that there is not: the command itself says so, with the nearest name. */
function withKnownHelp(program: Command, [node, main, ...rest]: string[]): string[] {
  const [help, name] = rest
  const known = ['help', undefined, ...program.commands.map((command) => command.name())]
  return [node!, main!, ...(help === 'help' && !known.includes(name) ? rest.slice(1) : rest)]
}

/** As with Node, what follows `--inspect` is not its value; that stands behind a `=`. */
function withOwnValue(argument: string): string {
  return argument === '--inspect' ? '--inspect=' : argument
}

if (import.meta.main) process.exitCode = await main(process.argv)

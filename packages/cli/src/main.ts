/** The entry point of the command line: runs a command and returns its exit code. */
import { type Command, CommanderError } from 'commander'
import { EXIT } from './errors.ts'
import { guardStandardStreams } from './output/standard-streams.ts'
import { createProgram } from './program.ts'
import { reportError } from './report-error.ts'

/**
 * Runs one command. Does not throw for mistakes of users; the message is on stderr.
 *
 * @param argv like process.argv
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

/** Turns `help` for an unknown command into that command, so that the error suggests the nearest name. */
function withKnownHelp(program: Command, [node, main, ...rest]: string[]): string[] {
  const [help, name] = rest
  const known = ['help', undefined, ...program.commands.map((command) => command.name())]
  return [node!, main!, ...(help === 'help' && !known.includes(name) ? rest.slice(1) : rest)]
}

/** As with Node, the value of `--inspect` follows a `=`; the next argument is not its value. */
function withOwnValue(argument: string): string {
  return argument === '--inspect' ? '--inspect=' : argument
}

if (import.meta.main) process.exitCode = await main(process.argv)

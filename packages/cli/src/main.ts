/** The command line: which commands there are, and how they end. */
import { createRequire } from 'node:module'
import { SipletError } from '@siplet/engine'
import { ProxyError } from '@siplet/proxy'
import { SIPMessageError } from '@siplet/sipmsg'
import { Command, CommanderError } from 'commander'
import { CaptureError } from './capture/index.ts'
import { benchCommand } from './commands/bench.ts'
import { checkCommand } from './commands/check.ts'
import { execCommand } from './commands/exec.ts'
import { replayCommand } from './commands/replay.ts'
import { serveCommand } from './commands/serve.ts'
import { CLIError, EXIT } from './errors.ts'

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
    .description('SIP routing scripts in isolated VMs: replay captures through a script, try it, check it.')
    .version(version)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(--help shows all options)')
  for (const command of [
    replayCommand(finish),
    execCommand(finish),
    checkCommand(finish),
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
    if (!isOurs(error)) throw error
    console.error(`siplet: ${error.code}: ${error.message}`)
    return EXIT.UNUSABLE
  }
}

function isOurs(error: unknown): error is Error & { code: string } {
  return [CLIError, CaptureError, SipletError, ProxyError, SIPMessageError].some(
    (type) => error instanceof type,
  )
}

if (import.meta.main) process.exitCode = await main(process.argv)

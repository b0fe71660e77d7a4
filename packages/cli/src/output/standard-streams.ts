/** What becomes of output that cannot be written to stdout or stderr. */
import { EXIT } from '../errors.ts'
import { tell } from './talk.ts'

/**
 * A reader that went away (`siplet … | head`) is no error: what is left to say is said to nobody. Anything else, such as
 * a full disk, is told on stderr, and the exit code is EXIT.UNUSABLE.
 */
export function guardStandardStreams(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return
    tell(`siplet: ERR_SIPLET_OUTPUT: standard output cannot be written: ${error.message}`)
    process.once('exit', () => {
      process.exitCode = EXIT.UNUSABLE
    })
  })
  // There is nowhere left to tell it.
  process.stderr.on('error', () => {})
}

/** Handles errors when writing to stdout and stderr. */
import { EXIT } from '../errors.ts'
import { tell } from './talk.ts'

/**
 * If the reader closes the pipe (`siplet … | head`), this is no error, and the rest of the output is dropped. Any
 * other error, such as a full disk, is reported on stderr, and the exit code is EXIT.UNUSABLE.
 */
export function guardStandardStreams(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return
    tell(`siplet: ERR_SIPLET_OUTPUT: standard output cannot be written: ${error.message}`)
    process.once('exit', () => {
      process.exitCode = EXIT.UNUSABLE
    })
  })
  // There is no place left to report this error.
  process.stderr.on('error', () => {})
}

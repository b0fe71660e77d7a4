import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { CLIError } from './errors.ts'

/**
 * The bytes of a message file.
 *
 * @param path `-` is stdin
 * @throws CLIError ERR_SIPLET_MESSAGE_NOT_FOUND
 */
export async function messageBytes(path: string): Promise<Buffer> {
  try {
    return path === '-' ? await buffer(process.stdin) : await readFile(path)
  } catch (cause) {
    const reason =
      (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : String(cause)
    throw new CLIError('ERR_SIPLET_MESSAGE_NOT_FOUND', `message ${path} cannot be read: ${reason}`, { cause })
  }
}

import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { looksLikeCapture } from './capture/index.ts'
import { CLIError } from './errors.ts'

/**
 * The bytes of a message file.
 *
 * @param path `-` is stdin
 * @throws CLIError ERR_SIPLET_MESSAGE_NOT_FOUND, ERR_SIPLET_USAGE for a capture
 */
export async function messageBytes(path: string): Promise<Buffer> {
  let bytes: Buffer
  try {
    bytes = path === '-' ? await buffer(process.stdin) : await readFile(path)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const reason = { ENOENT: 'there is no such file', EISDIR: 'it is a folder' }[code ?? ''] ?? String(cause)
    throw new CLIError('ERR_SIPLET_MESSAGE_NOT_FOUND', `message ${path} cannot be read: ${reason}`, { cause })
  }
  if (!looksLikeCapture(bytes)) return bytes
  throw new CLIError(
    'ERR_SIPLET_USAGE',
    `${path === '-' ? 'stdin' : path} looks like a capture, not like one SIP message: siplet replay runs captures`,
  )
}

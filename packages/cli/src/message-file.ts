import { createReadStream } from 'node:fs'
import { looksLikeCapture } from './capture/index.ts'
import { CLIError } from './errors.ts'

/** Largest value of the engine's limits.maxMessageBytes. */
const MAX_BYTES = 33_554_432

/**
 * Returns the bytes of a message file.
 *
 * @param path `-` is stdin
 * @throws CLIError ERR_SIPLET_MESSAGE_NOT_FOUND; ERR_SIPLET_USAGE for a capture, and for more than 32 MiB
 */
export async function messageBytes(path: string): Promise<Buffer> {
  let bytes: Buffer
  try {
    bytes = await upTo(MAX_BYTES + 1, path === '-' ? process.stdin : createReadStream(path))
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const reason = { ENOENT: 'there is no such file', EISDIR: 'it is a folder' }[code ?? ''] ?? String(cause)
    throw new CLIError('ERR_SIPLET_MESSAGE_NOT_FOUND', `message ${path} cannot be read: ${reason}`, { cause })
  }
  const name = path === '-' ? 'stdin' : path
  if (looksLikeCapture(bytes)) {
    throw new CLIError(
      'ERR_SIPLET_USAGE',
      `${name} looks like a capture, not like one SIP message; use siplet replay for captures`,
    )
  }
  if (bytes.length > MAX_BYTES) {
    throw new CLIError(
      'ERR_SIPLET_USAGE',
      `${name} has more than ${MAX_BYTES} bytes, the limit for one SIP message`,
    )
  }
  return bytes
}

/**
 * Returns the first bytes of the stream: at least `length`, if the stream has them. The rest is not read, because the
 * stream may be endless.
 */
async function upTo(length: number, stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  let read = 0
  for await (const chunk of stream) {
    chunks.push(chunk)
    read += chunk.length
    if (read >= length) break
  }
  return Buffer.concat(chunks)
}

/** Checks and errors for files that a command writes. */
import { access, constants, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CLIError } from '../errors.ts'

const REASONS: Record<string, string> = {
  ENOENT: 'there is no such folder',
  ENOTDIR: 'what should be its folder is a file',
  EISDIR: 'it is a folder',
  EACCES: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
}

/**
 * Checks that a file can be written, without creating or changing it.
 *
 * @throws CLIError ERR_SIPLET_OUTPUT
 */
export async function refuseUnwritable(path: string): Promise<void> {
  try {
    const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    if (found?.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' })
    await access(found === undefined ? dirname(path) : path, constants.W_OK)
  } catch (error) {
    throw outputError(path, error as NodeJS.ErrnoException)
  }
}

export function outputError(path: string, cause: NodeJS.ErrnoException): CLIError {
  const reason = REASONS[cause.code ?? ''] ?? cause.message
  return new CLIError('ERR_SIPLET_OUTPUT', `${path} cannot be written: ${reason}`, { cause })
}

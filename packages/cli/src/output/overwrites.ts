/** Prevents an output from overwriting an input. */
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { CLIError } from '../errors.ts'

/**
 * Compares files by their identity on disk, so that links and different spellings of a path are recognised.
 *
 * @param outputs paths by option; undefined and `-` are ignored
 * @param inputs paths; unreadable ones are reported elsewhere
 * @throws CLIError ERR_SIPLET_OVERWRITE before anything is written
 */
export async function refuseOverwrites(
  outputs: Readonly<Record<string, string | undefined>>,
  inputs: readonly string[],
): Promise<void> {
  const taken = new Map<string, string>()
  for (const path of inputs) {
    const file = await identity(path)
    if (file !== null) taken.set(file, `${path}, which is read`)
  }
  for (const [option, path = '-'] of Object.entries(outputs)) {
    const file = path === '-' ? null : await identity(path)
    if (file === null) continue
    const other = taken.get(file)
    if (other !== undefined) {
      throw new CLIError(
        'ERR_SIPLET_OVERWRITE',
        `${option} ${path} would overwrite ${other}; nothing was written; choose another file`,
      )
    }
    taken.set(file, `the output of ${option}`)
  }
}

/**
 * Returns what identifies a file. For a file that does not exist yet, its path. Null for devices and pipes, which store
 * nothing.
 */
async function identity(path: string): Promise<string | null> {
  const found = await stat(path, { bigint: true }).catch(() => undefined)
  if (found === undefined) return resolve(path)
  return found.isFile() ? `${found.dev} ${found.ino}` : null
}

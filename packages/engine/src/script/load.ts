/** Loads a script by its extension. */
import { access, constants } from 'node:fs/promises'
import { extname, resolve } from 'node:path'
import { SipletError } from '../errors.ts'
import type { Bundle } from './bundle.ts'
import { bundleJavaScript } from './javascript.ts'
import { bundlePython } from './python.ts'

const LOADERS: Record<string, (path: string) => Promise<Bundle>> = {
  '.js': bundleJavaScript,
  '.mjs': bundleJavaScript,
  '.cjs': bundleJavaScript,
  '.ts': bundleJavaScript,
  '.mts': bundleJavaScript,
  '.py': bundlePython,
}

/**
 * @param scriptName path of the script, relative to the working directory
 * @throws SipletError ERR_SIPLET_SCRIPT_TYPE, ERR_SIPLET_SCRIPT_NOT_FOUND, ERR_SIPLET_SCRIPT_SYNTAX or
 *   ERR_SIPLET_SCRIPT_IMPORT
 */
export async function loadScript(scriptName: string): Promise<Bundle> {
  const extension = extname(scriptName)
  const load = Object.hasOwn(LOADERS, extension) ? LOADERS[extension] : undefined
  if (load === undefined) {
    throw new SipletError(
      'ERR_SIPLET_SCRIPT_TYPE',
      `script ${scriptName}: ${extension === '' ? 'it has no extension' : `${extension} is not supported`}; ` +
        `use one of ${Object.keys(LOADERS).join(' ')}`,
    )
  }
  const path = resolve(scriptName)
  try {
    await access(path, constants.R_OK)
  } catch (cause) {
    throw new SipletError(
      'ERR_SIPLET_SCRIPT_NOT_FOUND',
      `script ${scriptName} cannot be read: ${reason(cause)}`,
      { cause },
    )
  }
  return load(path)
}

function reason(cause: unknown): string {
  const code = (cause as NodeJS.ErrnoException).code
  if (code === 'ENOENT') return 'there is no such file'
  if (code === 'EACCES') return 'permission denied'
  return String(code ?? cause)
}

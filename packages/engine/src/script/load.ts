/** Loads a script according to its extension. */
import { extname } from 'node:path'
import { SipletError } from '../errors.ts'
import type { Bundle } from './bundle.ts'
import { excessOfEsbuild, hasEnded } from './esbuild.ts'
import { bundleJavaScript } from './javascript.ts'
import { bundlePython } from './python.ts'
import { ScriptFiles } from './script-files.ts'

const LOADERS: Record<string, (files: ScriptFiles, debugged: boolean) => Promise<Bundle>> = {
  '.js': bundleJavaScript,
  '.mjs': bundleJavaScript,
  '.cjs': bundleJavaScript,
  '.ts': bundleJavaScript,
  '.mts': bundleJavaScript,
  '.py': bundlePython,
}

export interface LoadOptions {
  /** Folder from which the script may import files. The default is the script's folder. */
  scriptRoot?: string | undefined
  /** Whether a debugger may attach: then loops are not checked, and the source map contains the sources. */
  debugged?: boolean
}

/**
 * @param scriptName path of the script, relative to the working directory
 * @throws SipletError ERR_SIPLET_SCRIPT_TYPE, ERR_SIPLET_SCRIPT_NOT_FOUND, ERR_SIPLET_SCRIPT_SYNTAX or
 *   ERR_SIPLET_SCRIPT_IMPORT; ERR_SIPLET_CONFIG if scriptRoot is not a folder
 */
export async function loadScript(
  scriptName: string,
  { scriptRoot, debugged = false }: LoadOptions = {},
): Promise<Bundle> {
  const extension = extname(scriptName)
  const load = Object.hasOwn(LOADERS, extension) ? LOADERS[extension] : undefined
  if (load === undefined) {
    throw new SipletError(
      'ERR_SIPLET_SCRIPT_TYPE',
      `script ${scriptName}: ${extension === '' ? 'it has no extension' : `${extension} is not supported`}; ` +
        `use one of ${Object.keys(LOADERS).join(' ')}`,
    )
  }
  const loaded = async () => load(await ScriptFiles.open(scriptName, scriptRoot), debugged)
  const company = { had: false }
  try {
    return await withOthers(loaded, company)
  } catch (error) {
    if (!hasEnded(error)) throw error
    if (!company.had) throw bundlerEnded(scriptName, error)
  }
  // Another script may have caused this failure.
  try {
    return await alone(loaded)
  } catch (error) {
    throw hasEnded(error) ? bundlerEnded(scriptName, error) : error
  }
}

/** Records whether another script was loaded at the same time. */
interface Company {
  had: boolean
}

/** Resolves when no script is being loaded alone. */
let lastAlone: Promise<unknown> = Promise.resolve()
const together = new Map<Company, Promise<Bundle>>()

/** Loads a script while others may be loaded: they share the process of esbuild. */
async function withOthers(load: () => Promise<Bundle>, company: Company): Promise<Bundle> {
  for (let seen: unknown; seen !== lastAlone; await seen) seen = lastAlone
  company.had = together.size > 0
  for (const other of together.keys()) other.had = true
  const loading = load()
  together.set(company, loading)
  try {
    return await loading
  } finally {
    together.delete(company)
  }
}

/** Loads a script while no other script is loaded. If the process of esbuild ends, this script is the cause. */
function alone(load: () => Promise<Bundle>): Promise<Bundle> {
  const before = Promise.allSettled([lastAlone, ...together.values()])
  const loading = before.then(load)
  lastAlone = loading.catch(() => {})
  return loading
}

function bundlerEnded(scriptName: string, cause: unknown): SipletError {
  const excess = excessOfEsbuild()
  const why =
    excess === undefined
      ? 'esbuild ended while it read the script; it, or what it imports, is nested too deeply'
      : `esbuild ${excess} to read the script; make it, and what it imports, smaller, with shorter lines`
  return new SipletError('ERR_SIPLET_SCRIPT_SYNTAX', `script ${scriptName}: ${why}`, { cause })
}

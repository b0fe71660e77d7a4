import { extname, resolve } from 'node:path'
import { javaScriptSources } from './javascript.ts'
import { pythonSources } from './python.ts'
import { ScriptFiles } from './script-files.ts'

/**
 * Returns the files of a script, for example to watch them: the script and its imports. If the script cannot be
 * loaded, the result contains the files that could be found.
 *
 * @param scriptName path of the script, relative to the working directory
 * @param scriptRoot folder from which the script may import files; the default is the script's folder
 * @returns absolute paths; the script comes first
 */
export async function scriptSources(scriptName: string, scriptRoot?: string): Promise<string[]> {
  const path = resolve(scriptName)
  try {
    const files = await ScriptFiles.open(scriptName, scriptRoot)
    const sources = await (extname(path) === '.py' ? pythonSources(files) : javaScriptSources(files))
    return [...new Set([path, ...sources])]
  } catch {
    // The script cannot be loaded. Its loader reports the reason.
    return [path]
  }
}

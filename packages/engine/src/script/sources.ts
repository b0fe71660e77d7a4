import { extname, resolve } from 'node:path'
import { javaScriptSources } from './javascript.ts'
import { pythonSources } from './python.ts'
import { ScriptFiles } from './script-files.ts'

/**
 * The files a script is made of, for those who watch them: itself and what it imports. A script that does not load has
 * those that could be found.
 *
 * @param scriptName path of the script, relative to the working directory
 * @param scriptRoot the folder that the script may import files of; by default its own
 * @returns absolute paths; the script comes first
 */
export async function scriptSources(scriptName: string, scriptRoot?: string): Promise<string[]> {
  const path = resolve(scriptName)
  try {
    const files = await ScriptFiles.open(scriptName, scriptRoot)
    const sources = await (extname(path) === '.py' ? pythonSources(files) : javaScriptSources(files))
    return [...new Set([path, ...sources])]
  } catch {
    // It does not load at all, and whoever loads it is told why.
    return [path]
  }
}

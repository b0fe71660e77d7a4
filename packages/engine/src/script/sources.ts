import { extname, resolve } from 'node:path'
import { javaScriptSources } from './javascript.ts'
import { bundlePython } from './python.ts'

/**
 * The files a script is made of, for those who watch them: itself and what it imports. A script that does not load has
 * those that could be found.
 *
 * @param scriptName path of the script, relative to the working directory
 * @returns absolute paths; the script comes first
 */
export async function scriptSources(scriptName: string): Promise<string[]> {
  const path = resolve(scriptName)
  if (extname(path) !== '.py') return javaScriptSources(path)
  const { files } = await bundlePython(path)
  return [path, ...Object.keys(files).filter((file) => file !== path)]
}

import { readdir } from 'node:fs/promises'
import { dirname, extname, join, resolve } from 'node:path'
import { javaScriptSources } from './javascript.ts'

/**
 * The files a script is made of, for those who watch them: itself and what it imports; of a Python script, the Python
 * files beside it. A script that does not load has those that could be found.
 *
 * @param scriptName path of the script, relative to the working directory
 * @returns absolute paths; the script comes first
 */
export async function scriptSources(scriptName: string): Promise<string[]> {
  const path = resolve(scriptName)
  if (extname(path) !== '.py') return javaScriptSources(path)
  const folder = dirname(path)
  const names = await readdir(folder, { recursive: true }).catch(() => [])
  const modules = names.filter((name) => extname(name) === '.py').map((name) => join(folder, name))
  return [path, ...modules.filter((file) => file !== path)]
}

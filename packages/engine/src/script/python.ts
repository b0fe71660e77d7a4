/**
 * Python: the script and the modules beside it that it imports, as files for the interpreter in the isolate. Modules
 * that are not found here are left to the interpreter: they may be built in, or imported in a `try`.
 */
import { readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { PythonBundle } from './bundle.ts'
import { shadowWarnings } from './shadowed-modules.ts'

/** @param path absolute path of a .py file */
export async function bundlePython(path: string): Promise<PythonBundle> {
  const files: Record<string, string> = {}
  const root = dirname(path)
  const pending = [path]
  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    if (Object.hasOwn(files, file)) continue
    const text = await readFile(file, 'utf8').catch(() => undefined)
    if (text === undefined) continue
    files[file] = text
    for (const module of importedModules(text)) pending.push(...candidates(module, root, dirname(file)))
  }
  const warnings = shadowWarnings(root, new Set(Object.keys(files)))
  return { language: 'python', fileName: path, files, warnings }
}

/** The name the script is imported by. */
export function moduleName(path: string): string {
  return basename(path, '.py')
}

/** Names of modules after `import` and `from`, relative ones with their dots; `from a import b` may mean module a.b. */
function importedModules(source: string): string[] {
  const names: string[] = []
  for (const [, module, items] of source.matchAll(FROM)) {
    names.push(module!)
    const separator = module!.endsWith('.') ? '' : '.'
    for (const name of items!.match(NAMES) ?? []) names.push(`${module}${separator}${name}`)
  }
  for (const [, list] of source.matchAll(IMPORT)) names.push(...(list!.match(DOTTED) ?? []))
  return names
}

/** Statements may stand behind an indent or a semicolon; a text in a docstring that looks like one does no harm. */
const FROM = /(?:^|;)[ \t]*from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^#;\n]*)/gm
const IMPORT = /(?:^|;)[ \t]*import[ \t]+([^#;\n]*)/gm
const NAMES = /\w+/g
const DOTTED = /[\w.]+/g

/** Files that a module may stand in, those of the packages around it included. */
function candidates(module: string, root: string, folder: string): string[] {
  const [, dots, name] = /^(\.*)(.*)$/.exec(module)!
  let base = dots === '' ? root : folder
  for (let up = 1; up < dots!.length; up++) base = dirname(base)
  const paths: string[] = []
  for (const part of name!.split('.')) {
    base = join(base, part)
    paths.push(join(base, '__init__.py'), `${base}.py`)
  }
  return paths
}

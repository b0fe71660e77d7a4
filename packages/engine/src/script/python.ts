/**
 * Python: collects the script and the modules that it imports from its folder, as files for the interpreter in the
 * isolate. Modules that are not found here are left to the interpreter: they may be built in, or imported in a `try`.
 */
import { basename, dirname, join, relative } from 'node:path'
import { SipletError } from '../errors.ts'
import { shownName } from '../shown.ts'
import type { PythonBundle } from './bundle.ts'
import { FileRefusal, type ScriptFiles } from './script-files.ts'
import { shadowWarnings } from './shadowed-modules.ts'

/**
 * @param files the files of a .py script
 * @throws SipletError ERR_SIPLET_SCRIPT_NOT_FOUND; ERR_SIPLET_SCRIPT_IMPORT with file and line
 */
export async function bundlePython(files: ScriptFiles): Promise<PythonBundle> {
  const { texts, refused } = await readModules(files)
  if (refused !== undefined) throw refused
  const warnings = shadowWarnings(dirname(files.script), new Set(Object.keys(texts)))
  return { language: 'python', fileName: files.script, files: texts, warnings }
}

/** Returns the files of the script, without those that it must not import. */
export async function pythonSources(files: ScriptFiles): Promise<string[]> {
  return Object.keys((await readModules(files)).texts)
}

/** Returns the name by which the script is imported. */
export function moduleName(path: string): string {
  return basename(path, '.py')
}

/** @returns texts by the path under which the interpreter looks for them; links in these paths are not resolved */
async function readModules(
  files: ScriptFiles,
): Promise<{ texts: Record<string, string>; refused: SipletError | undefined }> {
  const areas = [files.root]
  const folder = dirname(files.script)
  const texts: Record<string, string> = { [files.script]: (await files.readScript()).bytes.toString() }
  let refused: SipletError | undefined
  const pending = [files.script]
  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    for (const module of modulesOf(file, texts[file]!)) {
      for (const path of candidates(module.name, folder, dirname(file))) {
        if (Object.hasOwn(texts, path)) continue
        try {
          const located = await files.locate(path, areas)
          if (located?.kind !== 'file') continue
          texts[path] = (await files.read(located.path, areas)).toString()
          pending.push(path)
        } catch (error) {
          if (!(error instanceof FileRefusal)) throw error
          refused ??= importError(file, texts[file]!, module, error.message)
        }
      }
    }
  }
  return { texts, refused }
}

function modulesOf(file: string, source: string): ImportedModule[] {
  try {
    return importedModules(source)
  } catch (error) {
    if (!(error instanceof FileRefusal)) throw error
    throw new SipletError('ERR_SIPLET_SCRIPT_IMPORT', `script ${relative('', file)}: ${error.message}`)
  }
}

interface ImportedModule {
  /** Name of the module. Relative names include their dots. */
  name: string
  line: number
}

function importError(
  file: string,
  source: string,
  { name, line }: ImportedModule,
  reason: string,
): SipletError {
  const text = source.split('\n')[line - 1] ?? ''
  return new SipletError(
    'ERR_SIPLET_SCRIPT_IMPORT',
    `script ${relative('', file)}:${line}: "${shownName(name)}" cannot be imported: ${reason}\n    ${line} │ ${text.trim().slice(0, 200)}`,
  )
}

/** Returns the modules after `import` and `from`. In `from a import b`, the module a.b is possible as well. */
function importedModules(source: string): ImportedModule[] {
  const code = withoutTexts(source)
  const modules: ImportedModule[] = []
  let line = 1
  let counted = 0
  for (const { 0: found, 1: keyword, 2: rest, index } of code.matchAll(STATEMENT)) {
    const start = index + found.length - rest!.length
    for (; counted < start; counted++) if (code[counted] === '\n') line++
    for (const name of keyword === 'from' ? namesOfFrom(code, start, rest!) : (rest!.match(DOTTED) ?? [])) {
      modules.push({ name, line })
      if (modules.length > MAX_IMPORTS) throw new FileRefusal(`it imports more than ${MAX_IMPORTS} names`)
    }
  }
  return modules
}

/** @param rest text after `from`, up to the end of the statement or of its first line */
function namesOfFrom(code: string, start: number, rest: string): string[] {
  const at = rest.search(/\bimport\b/)
  if (at === -1) return []
  const module = rest.slice(0, at).replace(/\s/g, '')
  let items = rest.slice(at + 'import'.length)
  if (/^\s*\(/.test(items) && !items.includes(')')) {
    const end = code.slice(start, start + MAX_ITEMS).indexOf(')', at)
    items = code.slice(start + at + 'import'.length, end === -1 ? start + MAX_ITEMS : start + end)
  }
  const separator = module.endsWith('.') ? '' : '.'
  return [module, ...(items.match(NAMES) ?? []).map((name) => `${module}${separator}${name}`)]
}

/**
 * Returns the source without comments and string literals. All offsets stay the same, and a statement over several
 * lines is joined into one.
 */
function withoutTexts(source: string): string {
  return source.replace(TEXTS, (text) => text.replace(/[^\n]/g, ' ')).replaceAll('\\\n', '  ')
}

/** Maximum number of names that one file may import. */
const MAX_IMPORTS = 10_000
/** Maximum length of a list of names in parentheses, in characters. */
const MAX_ITEMS = 65_536
/** Maximum length of a module name in characters, and maximum number of its parts. */
const MAX_NAME = 1_000
const MAX_PARTS = 32

const TEXTS =
  /#[^\n]*|"""(?:[^\\]|\\[\s\S])*?(?:"""|$(?![\s\S]))|'''(?:[^\\]|\\[\s\S])*?(?:'''|$(?![\s\S]))|"(?:[^"\\\n]|\\[\s\S])*"?|'(?:[^'\\\n]|\\[\s\S])*'?/g
/** A statement may follow an indent, a semicolon or a colon. */
const STATEMENT = /(?:^|[;:])[ \t]*(from|import)\b([^;\n]*)/gm
const NAMES = /\w+/g
const DOTTED = /[\w.]+/g

/** Returns the possible files of a module, including those of the packages around it. */
function candidates(module: string, root: string, folder: string): string[] {
  if (module.length > MAX_NAME) return []
  const [, dots, name] = /^(\.*)(.*)$/s.exec(module)!
  let base = dots === '' ? root : folder
  for (let up = 1; up < dots!.length; up++) base = dirname(base)
  const paths: string[] = []
  const parts = name!.split('.')
  if (parts.length > MAX_PARTS) return []
  for (const part of parts) {
    base = join(base, part)
    paths.push(join(base, '__init__.py'), `${base}.py`)
  }
  return paths
}

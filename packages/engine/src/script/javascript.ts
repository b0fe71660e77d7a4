/**
 * JavaScript and TypeScript: esbuild bundles the script and its imports into one text. A script without imports and
 * exports is a classic script, whose functions are globals. It enters the isolate as written.
 */
import { relative } from 'node:path'
import type { BuildFailure, BuildOptions } from 'esbuild'
import { SipletError } from '../errors.ts'
import type { JavaScriptBundle } from './bundle.ts'
import { checkLoops } from './check-loops.ts'
import { build, formatMessages, hasEnded, transform } from './esbuild.ts'
import { REFUSED, ScriptModules } from './modules.ts'
import type { ScriptFiles } from './script-files.ts'

const GLOBAL_NAME = '__siplet_script'
/**
 * Warnings of esbuild about JavaScript, from its msg_ids.go. They are disabled because nobody sees them, and each
 * contains a copy of its line: a script with one long line took more than 1 GiB.
 */
const WARNINGS = [
  'assign-to-constant',
  'assign-to-define',
  'assign-to-import',
  'call-import-namespace',
  'class-name-will-throw',
  'commonjs-variable-in-esm',
  'delete-super-property',
  'direct-eval',
  'duplicate-case',
  'duplicate-class-member',
  'duplicate-object-key',
  'empty-import-meta',
  'equals-nan',
  'equals-negative-zero',
  'equals-new-object',
  'html-comment-in-js',
  'impossible-typeof',
  'indirect-require',
  'private-name-will-throw',
  'semicolon-after-return',
  'suspicious-boolean-not',
  'suspicious-define',
  'suspicious-logical-operator',
  'suspicious-nullish-coalescing',
  'this-is-undefined-in-esm',
  'unsupported-dynamic-import',
  'unsupported-jsx-comment',
  'unsupported-regexp',
  'unsupported-require-call',
]
/** Names that have a meaning in CommonJS. */
const COMMON_JS = /\b(?:module|exports|require)\b/
const NO_WARNINGS: BuildOptions['logOverride'] = Object.fromEntries(WARNINGS.map((id) => [id, 'silent']))

const TARGET = 'es2024'

/**
 * @param files the files of a .js, .mjs, .cjs, .ts or .mts script
 * @param debugged whether a debugger may attach: then the source map contains the sources, and loops are not checked
 * @throws SipletError ERR_SIPLET_SCRIPT_NOT_FOUND; ERR_SIPLET_SCRIPT_SYNTAX or ERR_SIPLET_SCRIPT_IMPORT, with
 *   file:line:column and a code frame
 */
export async function bundleJavaScript(files: ScriptFiles, debugged = false): Promise<JavaScriptBundle> {
  const modules = await ScriptModules.open(files)
  const path = files.script
  try {
    const built = (await isClassicScript(path, modules))
      ? await classicScript(path, modules, debugged)
      : await bundled(path, modules, debugged)
    if (debugged) return { ...built, loopChecks: null }
    const { code, checks } = await checkLoops(built.code, path)
    return { ...built, code, loopChecks: checks }
  } catch (error) {
    throw error instanceof SipletError ? error : await failure(error as BuildFailure, path, modules)
  }
}

type Built = Omit<JavaScriptBundle, 'loopChecks'>

async function bundled(path: string, modules: ScriptModules, sourcesContent: boolean): Promise<Built> {
  const { outputFiles } = await build({
    ...options(path, modules),
    format: 'iife',
    sourcemap: 'external',
    sourcesContent,
  })
  const text = (suffix: string) => outputFiles.find((file) => file.path.endsWith(suffix))!.text
  return {
    language: 'javascript',
    fileName: path,
    code: text('.js'),
    globalName: GLOBAL_NAME,
    map: modules.withPaths(text('.map')),
  }
}

/**
 * Returns the files of a script: the script and all its imports, as far as they can be found. Does not throw for
 * errors in these files, because files under edit are often incomplete.
 */
export async function javaScriptSources(files: ScriptFiles): Promise<string[]> {
  const modules = await ScriptModules.open(files)
  await build(options(files.script, modules)).catch(hasEnded)
  return modules.paths.map((path) => modules.shownPath(path))
}

function options(path: string, modules: ScriptModules) {
  return {
    entryPoints: [path],
    bundle: true,
    write: false,
    outfile: `${path}.bundle.js`,
    globalName: GLOBAL_NAME,
    platform: 'neutral',
    target: TARGET,
    sourcesContent: false,
    legalComments: 'none',
    tsconfigRaw: '{}',
    logLevel: 'silent',
    logOverride: NO_WARNINGS,
    plugins: [modules.plugin],
  } as const satisfies BuildOptions
}

/**
 * Returns whether the script has neither imports nor exports. Neither its extension nor its package.json reveals
 * that, and esbuild lists the exports of a file only when it writes ES modules.
 */
async function isClassicScript(path: string, modules: ScriptModules): Promise<boolean> {
  const { metafile } = await build({ ...options(path, modules), format: 'esm', metafile: true })
  const entry = Object.values(metafile.outputs).find((output) => output.entryPoint !== undefined)!
  const { format, imports } = metafile.inputs[entry.entryPoint!]!
  // esbuild also treats a script with a direct eval as CommonJS and gives it an export.
  const exportsNothing = format === 'cjs' ? !COMMON_JS.test(modules.text) : entry.exports.length === 0
  return exportsNothing && imports.length === 0
}

async function classicScript(path: string, modules: ScriptModules, sourcesContent: boolean): Promise<Built> {
  const source = modules.text
  if (!path.endsWith('ts'))
    return { language: 'javascript', fileName: path, code: source, globalName: null, map: null }
  const { code, map } = await transform(source, {
    loader: 'ts',
    sourcefile: path,
    sourcemap: 'external',
    sourcesContent,
    target: TARGET,
    tsconfigRaw: '{}',
  })
  return {
    language: 'javascript',
    fileName: path,
    code,
    globalName: null,
    map,
  }
}

async function failure(error: BuildFailure, path: string, modules: ScriptModules): Promise<Error> {
  const original = error.errors?.[0]
  if (original === undefined) return error
  const first = modules.asWritten(original)
  const code = first.detail === REFUSED ? 'ERR_SIPLET_SCRIPT_IMPORT' : 'ERR_SIPLET_SCRIPT_SYNTAX'
  const { location } = first
  const place =
    location === null
      ? relative('', path)
      : `${relative('', location.file)}:${location.line}:${location.column + 1}`
  const text = first.text.startsWith('Top-level await')
    ? 'await at the top level: mod_init is called as soon as the script was evaluated'
    : first.text
  const [formatted = ''] = await formatMessages([{ ...first, notes: [] }], { kind: 'error', color: false })
  // The text before the code lines repeats our own message, so it is removed.
  const frame = formatted.slice(formatted.search(/^ *\d+ │/m)).trimEnd()
  return new SipletError(code, `script ${place}: ${text}\n${frame}`, { cause: error })
}

/**
 * JavaScript and TypeScript: esbuild bundles the script with what it imports into one text. A script without
 * imports and exports is a classic script, whose functions are globals, and enters the isolate as written.
 */
import { readFile } from 'node:fs/promises'
import { builtinModules } from 'node:module'
import { relative } from 'node:path'
import {
  type BuildFailure,
  type BuildOptions,
  build,
  formatMessages,
  type Message,
  type Plugin,
  transform,
} from 'esbuild'
import { SipletError } from '../errors.ts'
import type { JavaScriptBundle } from './bundle.ts'

const GLOBAL_NAME = '__siplet_script'
const TARGET = 'es2024'

/**
 * @param path absolute path of a .js, .mjs, .cjs, .ts or .mts file
 * @throws SipletError ERR_SIPLET_SCRIPT_SYNTAX or ERR_SIPLET_SCRIPT_IMPORT, with file:line:column and a code frame
 */
export async function bundleJavaScript(path: string): Promise<JavaScriptBundle> {
  try {
    if (await isClassicScript(path)) return await classicScript(path)
    const { outputFiles } = await build({ ...options(path), format: 'iife', sourcemap: 'external' })
    const text = (suffix: string) => outputFiles.find((file) => file.path.endsWith(suffix))!.text
    return {
      language: 'javascript',
      fileName: path,
      code: text('.js'),
      globalName: GLOBAL_NAME,
      map: text('.map'),
    }
  } catch (error) {
    throw await failure(error as BuildFailure, path)
  }
}

/**
 * The files the script is made of: itself and all it imports, as far as they can be found. Never throws, since what
 * an author edits is broken every now and then.
 *
 * @param path absolute path of the script
 */
export async function javaScriptSources(path: string): Promise<string[]> {
  const files = new Set([path])
  const note: Plugin = {
    name: 'note-sources',
    setup({ onLoad }) {
      onLoad({ filter: /.*/, namespace: 'file' }, (file) => {
        files.add(file.path)
        return undefined
      })
    },
  }
  const bundle = options(path)
  await build({ ...bundle, plugins: [...bundle.plugins, note] }).catch(() => {})
  return [...files]
}

function options(path: string) {
  return {
    entryPoints: [path],
    bundle: true,
    write: false,
    outfile: `${path}.bundle.js`,
    globalName: GLOBAL_NAME,
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['import', 'module', 'default'],
    target: TARGET,
    sourcesContent: false,
    logLevel: 'silent',
    plugins: [refuseHost],
  } as const satisfies BuildOptions
}

/**
 * Whether the script neither imports nor exports anything. Neither its extension nor its package.json tells, and
 * esbuild lists what a file exports only when it writes ES modules.
 */
async function isClassicScript(path: string): Promise<boolean> {
  const { metafile } = await build({ ...options(path), format: 'esm', metafile: true })
  const entry = Object.values(metafile.outputs).find((output) => output.entryPoint !== undefined)!
  const { format, imports } = metafile.inputs[entry.entryPoint!]!
  return format !== 'cjs' && entry.exports.length === 0 && imports.length === 0
}

async function classicScript(path: string): Promise<JavaScriptBundle> {
  const source = await readFile(path, 'utf8')
  if (!path.endsWith('ts'))
    return { language: 'javascript', fileName: path, code: source, globalName: null, map: null }
  const { code, map } = await transform(source, {
    loader: 'ts',
    sourcefile: path,
    sourcemap: 'external',
    sourcesContent: false,
    target: TARGET,
  })
  return { language: 'javascript', fileName: path, code, globalName: null, map }
}

const HOST_IMPORT = 'an isolate has no host modules'

const refuseHost: Plugin = {
  name: 'refuse-host-modules',
  setup(build) {
    const builtin = new Set(builtinModules)
    build.onResolve({ filter: /.*/ }, ({ path, kind }) => {
      if (kind === 'entry-point') return undefined
      if (path.startsWith('node:') || builtin.has(path) || path.endsWith('.node')) {
        return {
          errors: [
            {
              text: `"${path}" cannot be imported: ${HOST_IMPORT}; let the embedder offer a function and use call_function`,
            },
          ],
        }
      }
      return undefined
    })
  },
}

async function failure(error: BuildFailure, path: string): Promise<Error> {
  const messages: Message[] | undefined = error.errors
  if (messages === undefined || messages.length === 0) return error
  const first = messages[0]!
  const unresolved = first.text.startsWith('Could not resolve')
  const code =
    first.text.includes(HOST_IMPORT) || unresolved ? 'ERR_SIPLET_SCRIPT_IMPORT' : 'ERR_SIPLET_SCRIPT_SYNTAX'
  const { location } = first
  const place =
    location === null ? relative('', path) : `${location.file}:${location.line}:${location.column + 1}`
  const text = first.text.startsWith('Top-level await')
    ? 'await at the top level: mod_init is called as soon as the script was evaluated'
    : first.text
  const [formatted = ''] = await formatMessages([first], { kind: 'error', color: false })
  // What stands above the lines of code is in our message already.
  const frame = formatted.slice(formatted.search(/^ *\d+ │/m)).trimEnd()
  return new SipletError(code, `script ${place}: ${text}\n${frame}`, { cause: error })
}

/**
 * Passes the files of a script to esbuild. esbuild itself opens no file: it would read everything that imports,
 * tsconfig.json, package.json, .pnp.cjs and source map comments name, in any folder. So every file is in a namespace
 * that esbuild does not look up on disk, and is passed as plain JavaScript without comments.
 */
import { SourceMap } from 'node:module'
import { extname } from 'node:path'
import type { Loader, Message, OnLoadResult, OnResolveResult, PartialMessage, Plugin } from 'esbuild'
import { shownName, thrownText } from '../shown.ts'
import { transform } from './esbuild.ts'
import { type ImportKind, ModuleResolver, type ResolvedModule } from './module-resolver.ts'
import { type Area, FileRefusal, type ScriptFiles } from './script-files.ts'

/** Marks the errors of refused imports: the `detail` of an esbuild message. */
export const REFUSED = Symbol('refused')

const NAMESPACE = 'siplet'

const LOADERS: Record<string, Loader> = {
  '': 'js',
  '.js': 'js',
  '.mjs': 'js',
  '.cjs': 'js',
  '.jsx': 'jsx',
  '.ts': 'ts',
  '.mts': 'ts',
  '.cts': 'ts',
  '.tsx': 'tsx',
  '.json': 'json',
  '.txt': 'text',
}
/** Values of import attributes: `with { type: 'text' }`. */
const TYPES: Record<string, Loader> = { json: 'json', text: 'text', bytes: 'binary' }

/** Source maps contain URLs. A number needs no escapes, whatever the path of the file. */
const SOURCE = 'siplet-source-'
const SOURCE_NAME = /siplet-source-(\d+)$/

interface Source {
  text: string
  /** Source map from the code that esbuild received to `text`. */
  map?: string
}

export class ScriptModules {
  readonly #files: ScriptFiles
  readonly #resolver: ModuleResolver
  readonly #script: { path: string; bytes: Buffer }
  readonly #loaded = new Map<string, Promise<Buffer>>()
  readonly #sources = new Map<string, Source>()
  /** Paths of the files that became JavaScript. The index is the number. */
  readonly #numbered: string[] = []

  private constructor(files: ScriptFiles, script: { path: string; bytes: Buffer }) {
    this.#files = files
    this.#resolver = new ModuleResolver(files)
    this.#script = script
    this.#loaded.set(script.path, Promise.resolve(script.bytes))
  }

  /** @throws SipletError ERR_SIPLET_SCRIPT_NOT_FOUND */
  static async open(files: ScriptFiles): Promise<ScriptModules> {
    return new ScriptModules(files, await files.readScript())
  }

  /** The script as written. */
  get text(): string {
    return this.#script.bytes.toString()
  }

  /** Real paths of the files read so far. */
  get paths(): string[] {
    return [...this.#loaded.keys()]
  }

  /** Returns the path to show: the script as it was named, other files by their real path. */
  shownPath(path: string): string {
    return path === this.#script.path ? this.#files.script : path
  }

  /** @param map source map of a bundle; the result contains absolute paths */
  withPaths(map: string): string {
    const parsed: { sources: string[] } = JSON.parse(map)
    parsed.sources = parsed.sources.map((source) => {
      const number = SOURCE_NAME.exec(source)?.[1]
      if (number !== undefined) return this.shownPath(this.#numbered[Number(number)]!)
      return source.startsWith(`${NAMESPACE}:`) ? source.slice(NAMESPACE.length + 1) : source
    })
    return JSON.stringify(parsed)
  }

  /** Maps an error of esbuild to its position in the file as written. */
  asWritten(message: Message): Message {
    const { location } = message
    if (location === null) return message
    const path = location.file.startsWith(`${NAMESPACE}:`)
      ? location.file.slice(NAMESPACE.length + 1)
      : location.file
    const source = this.#sources.get(path)
    const file = this.shownPath(path)
    if (source?.map === undefined) return { ...message, location: { ...location, file } }
    const entry = new SourceMap(JSON.parse(source.map)).findEntry(location.line - 1, location.column)
    if (!('originalLine' in entry)) return { ...message, location: null }
    const { originalLine: line, originalColumn: column } = entry
    const lineText = source.text.split(/\r\n|[\n\r\u2028\u2029]/)[line] ?? ''
    const length = Math.min(location.length, lineText.length - column)
    return { ...message, location: { ...location, file, line: line + 1, column, lineText, length } }
  }

  readonly plugin: Plugin = {
    name: 'script-files',
    setup: ({ onResolve, onLoad }) => {
      onResolve({ filter: /.*/ }, ({ path, importer, kind }) =>
        kind === 'entry-point'
          ? { path: this.#script.path, namespace: NAMESPACE }
          : this.#resolve(path, importer, kind.startsWith('require') ? 'require' : 'import'),
      )
      onLoad({ filter: /.*/, namespace: NAMESPACE }, ({ path, with: attributes }) =>
        this.#load(path, attributes),
      )
      // No import is ever resolved to another namespace. If one were, esbuild would read the file from disk.
      onLoad({ filter: /.*/ }, ({ path }) => ({
        errors: [refusal(path, 'it was found outside of the script')],
      }))
    },
  }

  async #resolve(specifier: string, importer: string, kind: ImportKind): Promise<OnResolveResult> {
    let module: ResolvedModule
    try {
      module = await this.#resolver.resolve(specifier, importer, kind)
    } catch (error) {
      return { errors: [refusal(specifier, reason(error))] }
    }
    const { path, areas, sideEffects } = module
    try {
      await this.#read(path, areas)
    } catch (error) {
      return { errors: [refusal(specifier, reason(error))] }
    }
    return { path, namespace: NAMESPACE, sideEffects }
  }

  #read(path: string, areas: readonly Area[]): Promise<Buffer> {
    const known = this.#loaded.get(path)
    if (known !== undefined) return known
    const bytes = this.#files.read(path, areas)
    this.#loaded.set(path, bytes)
    return bytes
  }

  async #load(path: string, attributes: Record<string, string>): Promise<OnLoadResult> {
    const { type, ...others } = attributes
    const loader = type === undefined ? LOADERS[extname(path)] : own(TYPES, type)
    const [other] = Object.keys(others)
    if (other !== undefined || loader === undefined) {
      const what =
        other !== undefined
          ? `the import attribute "${other}"`
          : type === undefined
            ? `a file with the extension ${extname(path)}`
            : `the type "${type}"`
      const known = `JavaScript, TypeScript, JSON and .txt; of types: ${Object.keys(TYPES).join(', ')}`
      return { errors: [refusal(path, `${what} has no meaning here; there is ${known}`)] }
    }
    const contents = await this.#loaded.get(path)!
    if (loader === 'binary' || loader === 'text') return { contents, loader }
    const text = contents.toString()
    if (loader === 'json') {
      this.#sources.set(path, { text })
      return { contents: text, loader }
    }
    return this.#javaScript(path, text, loader)
  }

  /** Removes types and comments, and returns a map to the text as written. */
  async #javaScript(path: string, text: string, loader: Loader): Promise<OnLoadResult> {
    this.#sources.set(path, { text })
    const sourcefile = `${SOURCE}${this.#numbered.push(path) - 1}`
    const options = {
      loader,
      sourcefile,
      sourcemap: 'external',
      target: 'esnext',
      minifyWhitespace: true,
      legalComments: 'none',
      tsconfigRaw: '{}',
      logLevel: 'silent',
    } as const
    let result: { code: string; map: string }
    try {
      result = await transform(text, options)
      // A source map inside the text claims that the text was made from other files. Only files that were read count.
      const { sources }: { sources: string[] } = JSON.parse(result.map)
      if (sources.length !== 1 || sources[0] !== sourcefile) {
        result = await transform(text.replaceAll('sourceMappingURL=', 'sourceMappingURL:'), options)
      }
    } catch (error) {
      const messages = (error as { errors?: Message[] }).errors
      if (messages === undefined) throw error
      return { errors: messages.map((message) => ({ ...message, location: at(message, path) })) }
    }
    this.#sources.set(path, { text, map: result.map })
    const computed = computedImport(result.code)
    if (computed !== undefined) {
      const [call, location] = computed
      return {
        errors: [
          {
            ...refusal(`${call}…)`, 'its path is computed; import each file by its name'),
            location: { ...location, file: path, namespace: NAMESPACE },
          },
        ],
      }
    }
    const map = Buffer.from(result.map).toString('base64')
    return {
      contents: `${result.code}\n//# sourceMappingURL=data:application/json;base64,${map}\n`,
      loader: 'js',
    }
  }
}

function at({ location }: Message, path: string): PartialMessage['location'] {
  return location && { ...location, file: path, namespace: NAMESPACE }
}

function refusal(specifier: string, why: string): PartialMessage {
  return { text: `"${shownName(specifier)}" cannot be imported: ${why}`, detail: REFUSED }
}

/** Any other error, for example about a package.json that is nested too deeply, also refuses the import. */
function reason(error: unknown): string {
  return error instanceof FileRefusal ? error.message : `it cannot be looked up: ${thrownText(error)}`
}

function own<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined
}

/**
 * esbuild treats a path composed of parts, such as `require('./' + name)`, as a pattern of files, and searches
 * folders of the host for them. In code that esbuild printed without whitespace, such a call has one form: its
 * argument is neither a string nor a name.
 */
const CALL = /(?<![\w$#]|(?<!\.\.)\.)(?:import(?:\.\w+)?|require(?:\.\w+)?)(?:\?\.)?\(/g
const HARMLESS =
  /(?:"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*'|`(?:[^`\\$]|\\[\s\S]|\$(?!\{))*`)[,)]|[\w$.]*\)/y

function computedImport(
  code: string,
): [call: string, place: { line: number; column: number; length: number; lineText: string }] | undefined {
  for (const { 0: call, index } of code.matchAll(CALL)) {
    HARMLESS.lastIndex = index + call.length
    if (HARMLESS.test(code)) continue
    const before = code.slice(0, index).split('\n')
    return [call, { line: before.length, column: before.at(-1)!.length, length: call.length, lineText: '' }]
  }
  return undefined
}

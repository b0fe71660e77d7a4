/**
 * Resolves imports of JavaScript and TypeScript to files. Relative paths are tried as bundlers do (other extensions,
 * index files). Packages are found as in Node. tsconfig.json, NODE_PATH and Plug'n'Play are ignored.
 */
import { builtinModules } from 'node:module'
import { basename, dirname, extname, isAbsolute, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isObject, packageTarget } from './package-exports.ts'
import {
  type Area,
  FileRefusal,
  isWithin,
  type LocatedFile,
  MAX_PATH,
  type ScriptFiles,
} from './script-files.ts'

export type ImportKind = 'import' | 'require'

export interface ResolvedModule {
  /** Real path of a file. */
  path: string
  /** Areas in which the file may be. */
  areas: readonly Area[]
  /** Whether the package declares that importing it has side effects. */
  sideEffects: boolean
}

const EXTENSIONS = ['.tsx', '.ts', '.jsx', '.js', '.json']
/** TypeScript files are imported by the name of their compiled file. */
const COMPILED: Record<string, readonly string[]> = {
  '.js': ['.ts', '.tsx'],
  '.jsx': ['.ts', '.tsx'],
  '.mjs': ['.mts'],
  '.cjs': ['.cts'],
}
/** Maximum size of a package.json in bytes. Every import of a package searches it. */
const MAX_MANIFEST_BYTES = 1024 * 1024
const MAIN_FIELDS = ['module', 'main']
const CONDITIONS: Record<ImportKind, ReadonlySet<string>> = {
  import: new Set(['import', 'module']),
  require: new Set(['require', 'module']),
}
const HOST_MODULES = new Set(builtinModules)

/** Matches `name` or `@scope/name`, and the rest. Hidden folders and disguised paths do not match. */
const PACKAGE = /^((?:@[\w~-][\w.~-]*\/)?[\w~-][\w.~-]*)(?:\/(.*))?$/
const NO_SUBPATH = /(?:^|[/\\])(?:\.{1,2}|node_modules)?(?:[/\\]|$)/i

const HINTS = {
  host: 'an isolate has no host modules; use call_function with a function that the embedder provides',
  url: 'only files can be imported; save the module in the folder of the script',
}

export class ModuleResolver {
  readonly #files: ScriptFiles
  readonly #manifests = new Map<string, Promise<Record<string, unknown> | undefined>>()

  constructor(files: ScriptFiles) {
    this.#files = files
  }

  /**
   * @param specifier the text in the import
   * @param importer real path of the importing file
   * @throws FileRefusal
   */
  async resolve(specifier: string, importer: string, kind: ImportKind): Promise<ResolvedModule> {
    if (specifier.length > MAX_PATH) throw new FileRefusal(`it is longer than ${MAX_PATH} characters`)
    this.#files.checkTime()
    const areas = this.#areasOf(importer)
    const path = await this.#find(specifier, importer, kind, areas)
    return { path, areas: this.#areasOf(path), sideEffects: await this.#hasSideEffects(path) }
  }

  async #find(
    specifier: string,
    importer: string,
    kind: ImportKind,
    areas: readonly Area[],
  ): Promise<string> {
    if (specifier.startsWith('node:') || HOST_MODULES.has(specifier) || specifier.endsWith('.node')) {
      throw new FileRefusal(HINTS.host)
    }
    if (specifier.startsWith('#')) return this.#internal(specifier, importer, kind)
    if (/^\.{1,2}(?:\/|$)/.test(specifier) || isAbsolute(specifier)) {
      const path = isAbsolute(specifier) ? specifier : join(dirname(importer), specifier)
      return found(await this.#module(path, areas))
    }
    if (/^file:/i.test(specifier)) return found(await this.#module(filePath(specifier), areas))
    if (/^[a-z][a-z0-9+.-]*:/i.test(specifier)) throw new FileRefusal(HINTS.url)
    return this.#ofPackage(specifier, importer, kind)
  }

  /**
   * Returns the areas that a file may import from: for scripts, the root; for packages above the root, their
   * node_modules.
   */
  #areasOf(file: string): readonly Area[] {
    const { root, packages } = this.#files
    if (isWithin(file, root.folder)) return [root]
    return packages.filter(({ folder }) => isWithin(file, folder))
  }

  /** Finds a file by its exact path, by a path with another extension, or as a folder. */
  async #module(path: string, areas: readonly Area[]): Promise<string | undefined> {
    const located = await this.#file(path, areas)
    if (located !== undefined) return located
    const folder = await this.#files.locate(path, areas)
    if (folder?.kind !== 'folder') return undefined
    const manifest = await this.#manifest(folder.path, areas)
    for (const field of MAIN_FIELDS) {
      const main = manifest?.[field]
      if (typeof main !== 'string') continue
      const target = join(folder.path, main)
      const file = (await this.#file(target, areas)) ?? (await this.#file(join(target, 'index'), areas))
      if (file !== undefined) return file
    }
    return this.#file(join(folder.path, 'index'), areas)
  }

  async #file(path: string, areas: readonly Area[]): Promise<string | undefined> {
    const extension = extname(path)
    const stem = path.slice(0, path.length - extension.length)
    const candidates = [
      path,
      ...EXTENSIONS.map((added) => path + added),
      ...(COMPILED[extension] ?? []).map((other) => stem + other),
    ]
    for (const candidate of candidates) {
      const located = await this.#files.locate(candidate, areas)
      if (located?.kind === 'file') return located.path
    }
    return undefined
  }

  async #ofPackage(specifier: string, importer: string, kind: ImportKind): Promise<string> {
    const [, name, subpath = ''] = PACKAGE.exec(specifier) ?? []
    if (name === undefined || (subpath !== '' && NO_SUBPATH.test(subpath))) {
      throw new FileRefusal('that is not the name of a package; a path begins with ./ or ../')
    }
    const { root, packages } = this.#files
    const areas = [root, ...packages]
    const own = await this.#owner(importer)
    if (own?.manifest.name === name && own.manifest.exports !== undefined) {
      return this.#exported(own, subpath, kind, this.#areasOf(importer))
    }
    for (const place of this.#packageFolders(importer)) {
      const located = await this.#files.locate(join(place, name), areas)
      if (located === undefined) continue
      if (located.kind === 'file') {
        if (subpath === '') return located.path
        continue
      }
      const manifest = await this.#manifest(located.path, areas)
      if (manifest?.exports !== undefined && manifest.exports !== null) {
        return this.#exported({ folder: located.path, manifest }, subpath, kind, areas)
      }
      const file = await this.#module(join(located.path, subpath), areas)
      if (file !== undefined) return file
    }
    // node_modules/name.js, which require of Node accepts.
    for (const place of this.#packageFolders(importer)) {
      const file = await this.#file(join(place, specifier), areas)
      if (file !== undefined) return file
    }
    throw new FileRefusal(
      `there is no such package in node_modules of ${[root.folder, ...packages.map(({ folder }) => dirname(folder))].join(' or ')}`,
    )
  }

  /** Returns the node_modules folders that are searched for a file's packages, nearest first. */
  #packageFolders(importer: string): string[] {
    const areas = this.#areasOf(importer)
    const places: string[] = []
    for (
      let folder = dirname(importer);
      areas.some((area) => isWithin(folder, area.folder));
      folder = dirname(folder)
    ) {
      if (basename(folder) !== 'node_modules') places.push(join(folder, 'node_modules'))
      else places.push(folder)
      if (dirname(folder) === folder) break
    }
    return [...new Set([...places, ...this.#files.packages.map(({ folder }) => folder)])]
  }

  async #exported(
    { folder, manifest }: { folder: string; manifest: Record<string, unknown> },
    subpath: string,
    kind: ImportKind,
    areas: readonly Area[],
  ): Promise<string> {
    const key = subpath === '' ? '.' : `./${subpath}`
    const target = packageTarget(manifest.exports, key, CONDITIONS[kind])
    if (target === undefined) {
      throw new FileRefusal(`${join(folder, 'package.json')} exports no ${key} for ${kind}`)
    }
    return this.#target(target, folder, areas)
  }

  /** Resolves a path in a package.json. It must stay inside the folder of the package. */
  async #target(target: string, folder: string, areas: readonly Area[]): Promise<string> {
    const path = resolve(folder, target)
    if (!target.startsWith('./') || !isWithin(path, folder)) {
      throw new FileRefusal(`${join(folder, 'package.json')} leads out of its folder: ${target}`)
    }
    return found(await this.#file(path, areas))
  }

  /** Resolves `#name`, which is defined by the importer's package.json. */
  async #internal(specifier: string, importer: string, kind: ImportKind): Promise<string> {
    const own = await this.#owner(importer)
    const target =
      isObject(own?.manifest.imports) && packageTarget(own.manifest.imports, specifier, CONDITIONS[kind])
    if (own === undefined || !target)
      throw new FileRefusal('no package.json around it defines it in "imports"')
    if (target.startsWith('./')) return this.#target(target, own.folder, this.#areasOf(importer))
    if (HOST_MODULES.has(target) || target.startsWith('node:')) throw new FileRefusal(HINTS.host)
    return this.#ofPackage(target, join(own.folder, 'package.json'), kind)
  }

  /** Returns the package of a file, if its package.json may be read. */
  async #owner(file: string): Promise<{ folder: string; manifest: Record<string, unknown> } | undefined> {
    const areas = this.#areasOf(file)
    for (
      let folder = dirname(file);
      basename(folder) !== 'node_modules' && areas.some((area) => isWithin(folder, area.folder));
      folder = dirname(folder)
    ) {
      const manifest = await this.#manifest(folder, areas)
      if (manifest !== undefined) return { folder, manifest }
      if (dirname(folder) === folder) return undefined
    }
    return undefined
  }

  async #hasSideEffects(file: string): Promise<boolean> {
    return (await this.#owner(file))?.manifest.sideEffects !== false
  }

  #manifest(folder: string, areas: readonly Area[]): Promise<Record<string, unknown> | undefined> {
    const known = this.#manifests.get(folder)
    if (known !== undefined) return known
    const manifest = this.#readManifest(join(folder, 'package.json'), areas)
    this.#manifests.set(folder, manifest)
    return manifest
  }

  async #readManifest(path: string, areas: readonly Area[]): Promise<Record<string, unknown> | undefined> {
    let located: LocatedFile | undefined
    try {
      located = await this.#files.locate(path, areas)
      if (located?.kind !== 'file') return undefined
      const value: unknown = JSON.parse(
        (await this.#files.read(located.path, areas, MAX_MANIFEST_BYTES)).toString(),
      )
      if (isObject(value)) return value
      throw new FileRefusal('it is not an object')
    } catch (error) {
      const reason = error instanceof FileRefusal ? error.message : 'it is not JSON'
      throw new FileRefusal(`${path} cannot be used: ${reason}`)
    }
  }
}

function found(path: string | undefined): string {
  if (path === undefined) throw new FileRefusal('there is no such file')
  return path
}

function filePath(url: string): string {
  try {
    return fileURLToPath(url)
  } catch {
    throw new FileRefusal('that is not the URL of a file')
  }
}

/**
 * Finds and reads the files that a script may consist of. All reads pass through here. The host may have secrets that
 * its scripts must not see. So every path is checked by its real path, link by link. Nothing outside of the allowed
 * areas is accessed, and no answer reveals whether a file outside exists.
 */
import { constants, type Stats } from 'node:fs'
import { type FileHandle, lstat, open, readlink, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, parse, resolve, sep } from 'node:path'
import { SipletError } from '../errors.ts'

/** Maximum size of one file of a script, in bytes. */
const MAX_FILE_BYTES = 8 * 1024 * 1024
/** Maximum size of all files of a script, in bytes. */
const MAX_TOTAL_BYTES = 32 * 1024 * 1024
/** Maximum number of files of a script. */
const MAX_FILES = 4_096

/** Maximum number of paths that are checked while a script is loaded. Each import needs several. */
const MAX_LOOKS = 200_000
/** Maximum number of folders and files on these paths. */
const MAX_STEPS = 1_000_000
/** Maximum time to find and read all files of a script, in milliseconds. */
const MAX_LOAD_MS = 30_000
/** Maximum length of a path and of an import specifier, in characters: PATH_MAX of Linux. */
export const MAX_PATH = 4_096

/** Number of links that Linux follows in one path (man 7 path_resolution). */
const MAX_LINKS = 40

/** The reason why a file is refused. The caller adds which import is affected. */
export class FileRefusal extends Error {}

/** A folder from which scripts or their packages may read. */
export interface Area {
  /** Real path. */
  readonly folder: string
  /** Name in messages. */
  readonly name: string
}

export interface LocatedFile {
  readonly kind: 'file' | 'folder'
  /** Real path. */
  readonly path: string
}

export class ScriptFiles {
  /** Absolute path of the script as it was named. */
  readonly script: string
  /** Area of the files that a script may import by path. */
  readonly root: Area
  /** Areas of packages that a script may import by name: `node_modules` folders above the root, nearest first. */
  readonly packages: readonly Area[]
  readonly #scriptName: string
  /** Pairs of folders as named and their real paths. */
  readonly #named: readonly (readonly [named: string, real: string])[]
  #bytes = 0
  #files = 0
  #looks = 0
  #steps = 0
  /** Latest time for loading, as returned by performance.now(). */
  readonly #deadline = performance.now() + MAX_LOAD_MS
  /**
   * Real paths of folders that were checked. Reads are checked again, because a folder may have been replaced since.
   */
  readonly #folders = new Set<string>()

  private constructor(
    scriptName: string,
    root: string,
    named: readonly (readonly [named: string, real: string])[],
    packages: readonly Area[],
  ) {
    this.#scriptName = scriptName
    this.script = resolve(scriptName)
    this.root = { folder: root, name: `the script root ${root}` }
    this.packages = packages
    this.#named = named
  }

  /**
   * @param scriptName path of the script, relative to the working directory
   * @param scriptRoot a folder; the default is the script's folder
   * @throws SipletError ERR_SIPLET_CONFIG if scriptRoot is not a folder, ERR_SIPLET_SCRIPT_NOT_FOUND
   */
  static async open(scriptName: string, scriptRoot?: string): Promise<ScriptFiles> {
    const folder = dirname(resolve(scriptName))
    const realOfScript = await realFolder(folder)
    if (realOfScript === undefined) throw notFound(scriptName, 'there is no such file')
    const root = scriptRoot === undefined ? realOfScript : await realFolder(resolve(scriptRoot))
    if (root === undefined) {
      throw new SipletError('ERR_SIPLET_CONFIG', `scriptRoot ${scriptRoot}: there is no such folder`)
    }
    const named = [
      [folder, realOfScript],
      [resolve(scriptRoot ?? folder), root],
    ] as const
    return new ScriptFiles(scriptName, root, named, await packageFolders(root))
  }

  /**
   * Finds the file or folder at a path, if its real path is inside one of the areas.
   *
   * @param path absolute path; may contain `..`, which refers to the target of a preceding link, as in the kernel
   * @returns undefined if the path does not exist
   * @throws FileRefusal if the path is outside of the areas (existing or not), or is neither a file nor a folder
   */
  async locate(path: string, areas: readonly Area[]): Promise<LocatedFile | undefined> {
    if (++this.#looks > MAX_LOOKS) throw new FileRefusal(TOO_MANY)
    if (path.length > MAX_PATH) throw new FileRefusal(`its path is longer than ${MAX_PATH} characters`)
    this.checkTime()
    if (path.includes('\0')) throw new FileRefusal('its path holds a NUL')
    const start = parse(this.#really(path))
    let real = start.root
    let stats: Stats | undefined
    let links = 0
    const left = parts(this.#really(path).slice(start.root.length)).reverse()
    for (let part = left.pop(); part !== undefined; part = left.pop()) {
      const next = part === '..' ? dirname(real) : join(real, part)
      // This is the real path of an area or a folder in it, so no check for links is needed.
      if (areas.some(({ folder }) => isWithin(folder, next))) {
        real = next
        stats = undefined
        continue
      }
      if (!areas.some(({ folder }) => isWithin(next, folder))) throw outside(areas)
      if (++this.#steps > MAX_STEPS) throw new FileRefusal(TOO_MANY)
      if (this.#folders.has(next)) {
        real = next
        stats = undefined
        continue
      }
      stats = await lookAt(next)
      if (stats === undefined) return undefined
      if (stats.isDirectory()) this.#folders.add(next)
      if (!stats.isSymbolicLink()) {
        real = next
        continue
      }
      if (++links > MAX_LINKS) throw new FileRefusal('its path has too many symbolic links')
      const target = this.#really(await readlink(next))
      const { root } = parse(target)
      if (root !== '') real = root
      left.push(...parts(target.slice(root.length)).reverse())
    }
    if (!areas.some(({ folder }) => isWithin(real, folder))) throw outside(areas)
    if (stats === undefined || stats.isDirectory()) return { kind: 'folder', path: real }
    if (!stats.isFile()) throw new FileRefusal('it is not a regular file')
    return { kind: 'file', path: real }
  }

  /** @throws FileRefusal if loading the script has taken too long */
  checkTime(): void {
    if (performance.now() > this.#deadline) {
      throw new FileRefusal(`to find the files of the script takes longer than ${MAX_LOAD_MS / 1_000} s`)
    }
  }

  /**
   * Reads a located file. The bytes read belong to the file that was checked, even if links are replaced in between.
   *
   * @param path real path
   * @param areas the areas in which the file was located
   * @param maxBytes maximum size of the file
   * @throws FileRefusal
   */
  async read(path: string, areas: readonly Area[], maxBytes = MAX_FILE_BYTES): Promise<Buffer> {
    this.checkTime()
    if (++this.#files > MAX_FILES) throw new FileRefusal(`the script has more than ${MAX_FILES} files`)
    const file = await open(path, FLAGS).catch((error: NodeJS.ErrnoException) => {
      throw new FileRefusal(error.code === 'EACCES' ? 'permission denied' : CHANGED)
    })
    try {
      const stats = await file.stat()
      if (!stats.isFile()) throw new FileRefusal('it is not a regular file')
      const opened = await openedPath(file, path, stats)
      if (!areas.some(({ folder }) => isWithin(opened, folder))) throw new FileRefusal(CHANGED)
      const bytes = await contents(file, maxBytes)
      this.#bytes += bytes.length
      if (this.#bytes > MAX_TOTAL_BYTES) {
        throw new FileRefusal(`the script and what it imports are larger than ${mebibytes(MAX_TOTAL_BYTES)}`)
      }
      return bytes
    } finally {
      await file.close()
    }
  }

  /**
   * Reads the script itself.
   *
   * @throws SipletError ERR_SIPLET_SCRIPT_NOT_FOUND
   */
  async readScript(): Promise<{ path: string; bytes: Buffer }> {
    const areas = [this.root]
    try {
      const located = await this.locate(this.script, areas)
      if (located === undefined) throw new FileRefusal('there is no such file')
      if (located.kind === 'folder') throw new FileRefusal('it is a folder')
      return { path: located.path, bytes: await this.read(located.path, areas) }
    } catch (error) {
      if (error instanceof FileRefusal) throw notFound(this.#scriptName, error.message)
      throw error
    }
  }

  /** Replaces a folder that was named by a link by its real path. */
  #really(path: string): string {
    const folder = this.#named.find(([named]) => isWithin(path, named))
    return folder === undefined ? path : folder[1] + path.slice(folder[0].length)
  }
}

/** Returns whether an absolute path is a folder or inside of it. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep)
}

/**
 * O_NOFOLLOW: a link that was created after the check is not followed. O_NONBLOCK: opening a FIFO does not wait for a
 * writer. Windows has neither flag.
 */
const FLAGS =
  constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0)

const TOO_MANY = 'the script imports too many modules'
const CHANGED = 'it was exchanged while the script was loaded; load the script again'

function parts(path: string): string[] {
  return path.split(sep).filter((part) => part !== '' && part !== '.')
}

function outside(areas: readonly Area[]): FileRefusal {
  return new FileRefusal(
    `it is outside of ${areas[0]!.name}; move it there, or widen the root (scriptRoot, --script-root)`,
  )
}

async function lookAt(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EACCES') throw new FileRefusal('permission denied')
    return undefined
  }
}

/**
 * Returns the real path of an open file. Linux provides it for the descriptor. On other systems, the path must still
 * lead to the same file.
 */
async function openedPath({ fd }: FileHandle, path: string, stats: Stats): Promise<string> {
  if (process.platform === 'linux') {
    // The kernel appends " (deleted)" to the path of a deleted file.
    if (stats.nlink === 0) throw new FileRefusal(CHANGED)
    return readlink(`/proc/self/fd/${fd}`)
  }
  const [now, { dev, ino }] = [await realpath(path), await lstat(path)]
  if (dev !== stats.dev || ino !== stats.ino) throw new FileRefusal(CHANGED)
  return now
}

/** Reads the whole file, even if its reported size is wrong. */
async function contents(file: FileHandle, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(65_536), 0, 65_536)
    if (bytesRead === 0) return Buffer.concat(chunks)
    length += bytesRead
    if (length > maxBytes) throw new FileRefusal(`it is larger than ${mebibytes(maxBytes)}`)
    chunks.push(buffer.subarray(0, bytesRead))
  }
}

function mebibytes(bytes: number): string {
  return `${bytes / 1024 / 1024} MiB`
}

async function realFolder(path: string): Promise<string | undefined> {
  try {
    const real = await realpath(path)
    return (await stat(real)).isDirectory() ? real : undefined
  } catch {
    return undefined
  }
}

/** Returns the `node_modules` folders above the root, up to the nearest folder with a package.json. */
async function packageFolders(root: string): Promise<Area[]> {
  const areas: Area[] = []
  for (let folder = root; ; folder = dirname(folder)) {
    if (folder !== root && basename(folder) !== 'node_modules') {
      const real = await realFolder(join(folder, 'node_modules'))
      if (real !== undefined) areas.push({ folder: real, name: join(folder, 'node_modules') })
    }
    const isPackage = await stat(join(folder, 'package.json')).then(
      (found) => found.isFile(),
      () => false,
    )
    if (isPackage) return areas
    // The script does not belong to a package.
    if (dirname(folder) === folder) return []
  }
}

function notFound(script: string, reason: string): SipletError {
  return new SipletError('ERR_SIPLET_SCRIPT_NOT_FOUND', `script ${script} cannot be read: ${reason}`)
}

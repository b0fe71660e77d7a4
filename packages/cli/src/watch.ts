/** --watch: runs a command again whenever a file changes that it depends on. */
import { type FSWatcher, statSync, watch } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { EXIT } from './errors.ts'
import { tell } from './output/talk.ts'
import { reportError } from './report-error.ts'

/** Editors write a file in several steps. A run starts when the files have not changed for this long. */
const QUIET_MS = 50

/** Files that a command may read. Other files come and go, such as a log to which its own output is written. */
const READ = /\.(?:[cm]?[jt]sx?|json|py|sip|(?:pcap|pcapng|cap|dmp|ntar)\d*(?:\.(?:gz|zst))?)$/i

/**
 * Runs, then runs again after every change and on SIGHUP, until SIGINT or SIGTERM. An error for the user is reported on
 * stderr, and the next change starts another run.
 *
 * @param files returns the files to watch; called after every run, because imports may have changed
 * @param run returns its exit code
 * @param outputs files that the command writes; their changes start no run
 * @returns the exit code of the last run
 */
export async function runWatching(
  files: () => Promise<string[]>,
  run: () => Promise<number>,
  outputs: readonly string[] = [],
): Promise<number> {
  const folders = new Folders(outputs)
  const end = Promise.withResolvers<void>()
  process.once('SIGINT', end.resolve).once('SIGTERM', end.resolve)
  let ended = false
  void end.promise.then(() => {
    ended = true
    folders.wake()
  })
  const again = () => folders.wake()
  process.on('SIGHUP', again)
  let exitCode: number = EXIT.DONE
  while (!ended) {
    const changed = folders.changed()
    exitCode = await run().catch((error) => {
      reportError(error)
      return EXIT.UNUSABLE
    })
    const watched = await files()
    // A missing file may be about to be created, so any new file in its folder counts.
    folders.watch(watched, exitCode === EXIT.UNUSABLE)
    tell(`watching ${watched.length} ${watched.length === 1 ? 'file' : 'files'}, press Ctrl-C to stop`)
    await changed
  }
  process.off('SIGHUP', again)
  folders.close()
  return exitCode
}

/**
 * Watches the folders of the files, not the files. If an editor replaces a file by renaming another one, a watcher of
 * the file would stay with the old one.
 */
class Folders {
  readonly #ignored: Set<string>
  readonly #watchers = new Map<string, FSWatcher>()
  #names = new Map<string, Set<string>>()
  #orMissing = false
  #quiet: NodeJS.Timeout | undefined
  #changed = Promise.withResolvers<void>()

  constructor(ignored: readonly string[]) {
    this.#ignored = new Set(ignored.map((path) => resolve(path)))
  }

  /** Resolves at the next change. */
  changed(): Promise<void> {
    this.#changed = Promise.withResolvers()
    return this.#changed.promise
  }

  wake(): void {
    this.#changed.resolve()
  }

  /** @param orMissing whether other files of the folders count as well, because one of them may be the missing file */
  watch(files: readonly string[], orMissing: boolean): void {
    this.#orMissing = orMissing
    this.#names = new Map()
    for (const file of files.map((path) => resolve(path))) {
      const folder = dirname(file)
      const names = this.#names.get(folder) ?? new Set()
      this.#names.set(folder, names.add(basename(file)))
    }
    for (const [folder, watcher] of this.#watchers) {
      if (this.#names.has(folder)) continue
      watcher.close()
      this.#watchers.delete(folder)
    }
    for (const folder of this.#names.keys()) this.#open(folder)
  }

  close(): void {
    clearTimeout(this.#quiet)
    for (const watcher of this.#watchers.values()) watcher.close()
  }

  #open(folder: string): void {
    if (this.#watchers.has(folder)) return
    try {
      const watcher = watch(folder, (_event, name) => this.#saw(folder, name))
      // The folder was deleted. What depends on it fails and reports the error.
      watcher.on('error', () => watcher.close())
      this.#watchers.set(folder, watcher)
    } catch {
      // The folder does not exist (yet).
    }
  }

  #saw(folder: string, name: string | null): void {
    if (name !== null && this.#ignored.has(resolve(folder, name))) return
    if (name !== null && !this.#names.get(folder)?.has(name)) {
      if (!this.#orMissing || !(READ.test(name) || isFolder(resolve(folder, name)))) return
    }
    clearTimeout(this.#quiet)
    this.#quiet = setTimeout(() => this.wake(), QUIET_MS)
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

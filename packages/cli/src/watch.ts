/** --watch: a command runs again whenever one of the files it depends on changes. */
import { type FSWatcher, statSync, watch } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { EXIT } from './errors.ts'
import { tell } from './output/talk.ts'
import { reportError } from './report-error.ts'

/** Editors write a file in several steps; a run begins when it has been quiet for this long. */
const QUIET_MS = 50

/** Kinds of files that a command reads. Others come and go, such as the log that its own output is written to. */
const READ = /\.(?:[cm]?[jt]sx?|json|py|sip|(?:pcap|pcapng|cap|dmp|ntar)\d*(?:\.(?:gz|zst))?)$/i

/**
 * Runs, and runs again after every change, and on SIGHUP, until SIGINT or SIGTERM. What a run throws for a user is
 * told on stderr, and the next change gets its chance.
 *
 * @param files the files to watch; asked for anew after every run, since imports come and go
 * @param run returns its exit code
 * @param outputs files that it writes: no reason to run again
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
    // What is missing may be about to be made: any file of the folders that may be it counts then.
    folders.watch(watched, exitCode === EXIT.UNUSABLE)
    tell(`watching ${watched.length} ${watched.length === 1 ? 'file' : 'files'}, Ctrl-C ends`)
    await changed
  }
  process.off('SIGHUP', again)
  folders.close()
  return exitCode
}

/**
 * The folders of the files, not the files: an editor that replaces a file by renaming another one onto it leaves a
 * watcher of the file with the old one.
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

  /** Resolves at the next change from now on. */
  changed(): Promise<void> {
    this.#changed = Promise.withResolvers()
    return this.#changed.promise
  }

  wake(): void {
    this.#changed.resolve()
  }

  /** @param orMissing whether other files of the folders count, too, if one of them may be what is missing */
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
      // The folder went; what depends on it fails, and says so.
      watcher.on('error', () => watcher.close())
      this.#watchers.set(folder, watcher)
    } catch {
      // There is no such folder (yet).
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

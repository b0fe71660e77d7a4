/**
 * Node's permissions for the code of the pool process: it may read its own files, load isolated-vm and start worker
 * threads. So code that escapes from an isolate into the JavaScript of that process can read no other file, write no
 * file, start no program and open no connection. Native code is not restricted, because Node checks --permission in
 * its own functions. See https://nodejs.org/api/permissions.html
 */
import { realpathSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DESCRIPTORS } from './inherited-files.ts'

/** The file that Node runs in the pool process and its threads. The host sends all other code. */
export const ENTRY_FILE = './pool-entry.cjs'
export const ENTRY = fileURLToPath(new URL(ENTRY_FILE, import.meta.url))

/**
 * Packages that the pool process loads, each with its own dependencies. A package that is not installed is not
 * needed.
 */
const PACKAGES: Packages = {
  'isolated-vm': { 'node-gyp-build': {} },
  piscina: { '@napi-rs/nice': {} },
  '@micropython/micropython-webassembly-pyscript': {},
}

/** node-gyp-build reads /etc/alpine-release to tell musl from glibc. */
const OTHER_FILES = ['/etc/alpine-release', DESCRIPTORS]

interface Packages {
  [name: string]: Packages
}

/** Returns the options of Node for the pool process. */
export function permissionOptions(): string[] {
  const paths = [ENTRY, ...packageFolders(PACKAGES, fileURLToPath(import.meta.url)), ...OTHER_FILES]
  return [
    '--permission',
    '--allow-addons',
    '--allow-worker',
    ...[...new Set(paths)].map((path) => `--allow-fs-read=${path}`),
    // Node warns about --allow-addons and --allow-worker.
    '--disable-warning=SecurityWarning',
  ]
}

/** Returns the folders of the packages, and all folders in which Node looks for them from the file `from`. */
function packageFolders(packages: Packages, from: string): string[] {
  return Object.entries(packages).flatMap(([name, below]) => {
    const manifest = installed(name, from)
    if (manifest === undefined) return []
    const folder = dirname(manifest)
    const looked = ancestors(from).map((ancestor) => join(ancestor, 'node_modules', name, sep))
    return [join(folder, sep), ...looked, ...packageFolders(below, manifest)]
  })
}

function installed(name: string, from: string): string | undefined {
  try {
    const manifest = findPackageJSON(name, from)
    return manifest && realpathSync(manifest)
  } catch {
    return undefined
  }
}

/** Returns the folders that contain a file, from its own folder up to the root. */
function ancestors(file: string): string[] {
  const folder = dirname(file)
  return folder === file ? [] : [folder, ...ancestors(folder)]
}

/**
 * What Node lets the code of the pool process do: read the files that it consists of, load isolated-vm and start worker
 * threads. Code that got out of an isolate into the JavaScript of that process then reads no other file, writes none,
 * starts no program and opens no connection. Native code is not held: --permission is checked in Node's own functions.
 * See https://nodejs.org/api/permissions.html
 */
import { realpathSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DESCRIPTORS } from './inherited-files.ts'

/** The file that Node runs in the pool process and its threads. All other code of ours comes from the host. */
export const ENTRY_FILE = './pool-entry.cjs'
export const ENTRY = fileURLToPath(new URL(ENTRY_FILE, import.meta.url))

/** Packages that the pool process loads, each with those that it loads in turn. Where one is not installed, it is not needed. */
const PACKAGES: Packages = {
  'isolated-vm': { 'node-gyp-build': {} },
  piscina: { '@napi-rs/nice': {} },
  '@micropython/micropython-webassembly-pyscript': {},
}

/** The first is read by node-gyp-build, to tell musl from glibc. */
const OTHER_FILES = ['/etc/alpine-release', DESCRIPTORS]

interface Packages {
  [name: string]: Packages
}

/** Options of Node for the pool process. */
export function permissionOptions(): string[] {
  const paths = [ENTRY, ...packageFolders(PACKAGES, fileURLToPath(import.meta.url)), ...OTHER_FILES]
  return [
    '--permission',
    '--allow-addons',
    '--allow-worker',
    ...[...new Set(paths)].map((path) => `--allow-fs-read=${path}`),
    // Node warns of --allow-addons and --allow-worker.
    '--disable-warning=SecurityWarning',
  ]
}

/** Where the packages are, and wherever else Node looks for them from the file `from`. */
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

/** The folders that a file is in, from its own up to the root. */
function ancestors(file: string): string[] {
  const folder = dirname(file)
  return folder === file ? [] : [folder, ...ancestors(folder)]
}

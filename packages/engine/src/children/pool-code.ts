/**
 * The code of the pool process: one text for its main thread and one for its worker threads. Both are made once per
 * process.
 */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from '../script/esbuild.ts'

/** Bodies of CommonJS modules, which pool-entry.cjs runs. */
export interface PoolCode {
  readonly host: string
  readonly worker: string
}

/** File with the texts in the published package, next to this file. */
export const POOL_CODE_FILE = './pool-code.bundle.json'

let made: Promise<PoolCode> | undefined

/**
 * Returns the texts. The published package contains them; in the repository they are bundled from the sources on
 * first use.
 */
export function poolCode(): Promise<PoolCode> {
  if (made === undefined) {
    made = readFile(new URL(POOL_CODE_FILE, import.meta.url), 'utf8').then(JSON.parse, (error) => {
      if (error.code === 'ENOENT') return bundlePoolCode()
      throw error
    })
    // esbuild may have been ended because of a script. The next engine tries again.
    made.catch(() => {
      made = undefined
    })
  }
  return made
}

/** Bundles the texts with esbuild. */
export async function bundlePoolCode(): Promise<PoolCode> {
  const [host, worker] = await Promise.all([bundled('./pool-main.ts'), bundled('./worker-main.ts')])
  return { host, worker }
}

async function bundled(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(entry, import.meta.url))],
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'node',
    target: 'es2024',
    // isolated-vm is native code. piscina finds files of its own by its location.
    external: ['isolated-vm', 'piscina'],
    define: { 'import.meta.url': 'ENTRY_URL' },
    logLevel: 'silent',
  })
  return outputFiles[0]!.text
}

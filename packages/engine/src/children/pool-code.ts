/** The code of the pool process: one text for its main thread and one for its worker threads, made once per process. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from '../script/esbuild.ts'

/** Bodies of CommonJS modules; see pool-entry.cjs. */
export interface PoolCode {
  readonly host: string
  readonly worker: string
}

/** The texts of the published package stand in a file beside this one. */
export const POOL_CODE_FILE = './pool-code.bundle.json'

let made: Promise<PoolCode> | undefined

/** The published package carries the texts ready-made; in the repository they are made from the sources on first use. */
export function poolCode(): Promise<PoolCode> {
  if (made === undefined) {
    made = readFile(new URL(POOL_CODE_FILE, import.meta.url), 'utf8').then(JSON.parse, (error) => {
      if (error.code === 'ENOENT') return bundlePoolCode()
      throw error
    })
    // esbuild may have been ended for what a script did to it. The next engine tries again.
    made.catch(() => {
      made = undefined
    })
  }
  return made
}

/** Makes the texts with esbuild. */
export async function bundlePoolCode(): Promise<PoolCode> {
  const [host, worker] = await Promise.all([bundled('./process-host.ts'), bundled('./thread-worker.ts')])
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
    // Native code, and what finds files of its own by its place.
    external: ['isolated-vm', 'piscina'],
    define: { 'import.meta.url': 'ENTRY_URL' },
    logLevel: 'silent',
  })
  return outputFiles[0]!.text
}

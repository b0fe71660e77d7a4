/** The prelude as one text: sipmsg, the SIPMsg proxy and the wire, bundled once per process. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

let bundled: Promise<string> | undefined

/**
 * Source of an expression whose value is the `prelude` object of prelude.ts. The published package carries it
 * ready-made beside this file; in the repository it is made from the sources on first use.
 */
export function preludeSource(): Promise<string> {
  bundled ??= readFile(new URL('./prelude.bundle.js', import.meta.url), 'utf8').catch((error) => {
    if (error.code === 'ENOENT') return bundlePrelude()
    throw error
  })
  return bundled
}

/** Makes that source with esbuild from the prelude.ts beside this file. */
export async function bundlePrelude(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('./prelude.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'siplet',
    platform: 'neutral',
    target: 'es2024',
    // Not as a global: a script that gets at the prelude's realm must not find it there.
    banner: { js: '(() => {' },
    footer: { js: 'return siplet.prelude })()' },
    logLevel: 'silent',
  })
  return outputFiles[0]!.text
}

/** The preludes as one text each: sipmsg, the SIPMsg proxy and the wire, bundled once per process. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Bundle } from '../../script/bundle.ts'
import { build } from '../../script/esbuild.ts'

export type Language = Bundle['language']

/** The bundles of the published package stand beside this file. */
export const PRELUDES: Record<Language, { entry: string; bundle: string }> = {
  javascript: { entry: '../inside/prelude.ts', bundle: './prelude.bundle.js' },
  python: { entry: '../inside/python/prelude.ts', bundle: './python-prelude.bundle.js' },
}

const bundled = new Map<Language, Promise<string>>()

/**
 * Source of an expression whose value is the `prelude` object of prelude.ts or python/prelude.ts. The published package
 * carries it ready-made; in the repository it is made from the sources on first use.
 */
export function preludeSource(language: Language): Promise<string> {
  let source = bundled.get(language)
  if (source === undefined) {
    source = readFile(new URL(PRELUDES[language].bundle, import.meta.url), 'utf8').catch((error) => {
      if (error.code === 'ENOENT') return bundlePrelude(language)
      throw error
    })
    bundled.set(language, source)
    // esbuild may have been ended for what a script did to it. The next engine tries again.
    source.catch(() => bundled.delete(language))
  }
  return source
}

/** Makes that source with esbuild. */
export async function bundlePrelude(language: Language): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(PRELUDES[language].entry, import.meta.url))],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'siplet',
    platform: 'neutral',
    target: 'es2024',
    loader: { '.py': 'text' },
    // Not as a global: a script that gets at the prelude's realm must not find it there.
    // Strict, so that call sites and `Function.prototype.caller` give nothing of it away.
    banner: { js: '(() => {"use strict";' },
    footer: { js: 'return siplet.prelude })()' },
    logLevel: 'silent',
  })
  return outputFiles[0]!.text
}

/** Bundles each prelude into one text, once per process: sipmsg, the SIPMsg proxy and the wire formats. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Bundle } from '../../script/bundle.ts'
import { build } from '../../script/esbuild.ts'

export type Language = Bundle['language']

/**
 * The texts that run in an isolate, by purpose: source file, name of the exported value, and file with the bundle,
 * which is next to this file in the published package.
 */
const SOURCES = {
  javascript: { entry: '../inside/prelude.ts', value: 'prelude', bundle: './prelude.bundle.js' },
  python: { entry: '../inside/python/prelude.ts', value: 'prelude', bundle: './python-prelude.bundle.js' },
  codeChecks: { entry: '../inside/code-checks.ts', value: 'codeChecks', bundle: './code-checks.bundle.js' },
} as const
type Source = keyof typeof SOURCES

/** Our code for an isolate. Each text is the source of an expression. */
export interface Preludes {
  /** The `prelude` object of prelude.ts or python/prelude.ts. */
  prelude: string
  /** The `codeChecks` object of code-checks.ts. Empty for Python. */
  codeChecks: string
}

/**
 * Returns the preludes of a language. The published package contains them; in the repository they are bundled from
 * the sources on first use.
 */
export async function preludes(language: Language): Promise<Preludes> {
  const [prelude, codeChecks] = await Promise.all([
    sourceOf(language),
    language === 'javascript' ? sourceOf('codeChecks') : '',
  ])
  return { prelude, codeChecks }
}

const bundled = new Map<Source, Promise<string>>()

function sourceOf(name: Source): Promise<string> {
  let source = bundled.get(name)
  if (source === undefined) {
    source = readFile(new URL(SOURCES[name].bundle, import.meta.url), 'utf8').catch((error) => {
      if (error.code === 'ENOENT') return bundle(name)
      throw error
    })
    bundled.set(name, source)
    // esbuild may have been ended because of a script. The next engine tries again.
    source.catch(() => bundled.delete(name))
  }
  return source
}

/** Returns all bundles of the published package by file name. */
export async function allBundles(): Promise<Map<string, string>> {
  const bundles = new Map<string, string>()
  for (const name of Object.keys(SOURCES) as Source[]) bundles.set(SOURCES[name].bundle, await bundle(name))
  return bundles
}

async function bundle(name: Source): Promise<string> {
  const { entry, value } = SOURCES[name]
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(entry, import.meta.url))],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'siplet',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    target: 'es2024',
    loader: { '.py': 'text' },
    // The bundle is an expression, not a global: a script that reaches the prelude's realm must not find the bundle
    // there. The bundle is strict, so that call sites and `Function.prototype.caller` reveal nothing of it.
    banner: { js: '(() => {"use strict";' },
    footer: { js: `return siplet.${value} })()` },
    logLevel: 'silent',
  })
  return outputFiles[0]!.text
}

/** The parts of the page that all reports share: its style sheet and its program, bundled once. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

export interface Page {
  css: string
  js: string
}

const LICENCES =
  '/*! Contains Preact, uPlot, TanStack Virtual (MIT) and diff (BSD-3-Clause), each with the notice of its authors. */'

/**
 * Loads the bundle. The published package has it in a file next to this one; in the repository, it is built from the
 * sources.
 */
export async function loadPage(): Promise<Page> {
  try {
    return JSON.parse(await readFile(new URL('./page.bundle.json', import.meta.url), 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return await bundlePage()
    throw error
  }
}

/** Builds the bundle with esbuild from the folder page/. */
export async function bundlePage(): Promise<Page> {
  // Not a dependency of the published package, which never gets here.
  const { build } = await import('esbuild')
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('./page/main.tsx', import.meta.url))],
    bundle: true,
    minify: true,
    write: false,
    outdir: 'page',
    format: 'iife',
    target: ['chrome111', 'firefox113', 'safari16.4'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    banner: { js: LICENCES },
    legalComments: 'inline',
    charset: 'utf8',
    logLevel: 'silent',
  })
  const text = (extension: string) => outputFiles.find(({ path }) => path.endsWith(extension))!.text.trim()
  return { css: text('.css'), js: text('.js') }
}

/**
 * Returns everything before the data. The content security policy allows only the page's own program: no other script,
 * no request, and no text that becomes HTML.
 */
export function pageHead({ css, js }: Page): string {
  const policy = [
    "default-src 'none'",
    `style-src '${hash(css)}'`,
    `script-src '${hash(js)}'`,
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ')
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>siplet report</title>
<style>${css}</style>
<body>
<noscript>This report needs JavaScript to unpack what it holds.</noscript>
<main id="app"><p class="unfinished">This report is still being written, or was not written to its end.</p></main>
`
}

/** Returns everything after the data. */
export function pageFoot({ js }: Page): string {
  return `<script>${js}</script>\n</body>\n</html>\n`
}

function hash(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}

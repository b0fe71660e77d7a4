/** Part of the published build: the page of reports, bundled once, so that users need no esbuild and no sources of it. */
import { writeFile } from 'node:fs/promises'
import { bundlePage } from '../src/report/bundle.ts'

await writeFile(
  new URL('../dist/report/page.bundle.json', import.meta.url),
  JSON.stringify(await bundlePage()),
)

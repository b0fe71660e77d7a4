/**
 * Part of the published build: bundles the page of reports once, so that users need neither esbuild nor its sources.
 */
import { writeFile } from 'node:fs/promises'
import { bundlePage } from '../src/report/bundle.ts'

await writeFile(
  new URL('../dist/report/page.bundle.json', import.meta.url),
  JSON.stringify(await bundlePage()),
)

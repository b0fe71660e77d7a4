/** Part of the published build: the preludes, bundled once, so that users need no sources of them. */
import { writeFile } from 'node:fs/promises'
import { bundlePrelude, type Language, PRELUDES } from '../src/isolate/host/bundle.ts'

for (const [language, { bundle }] of Object.entries(PRELUDES)) {
  const file = new URL(bundle, new URL('../dist/isolate/host/bundle.js', import.meta.url))
  await writeFile(file, await bundlePrelude(language as Language))
}

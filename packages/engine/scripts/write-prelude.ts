/** Part of the published build: the prelude, bundled once, so that users need no sources of it. */
import { writeFile } from 'node:fs/promises'
import { bundlePrelude } from '../src/isolate/bundle.ts'

await writeFile(new URL('../dist/isolate/prelude.bundle.js', import.meta.url), await bundlePrelude())

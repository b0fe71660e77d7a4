/** Part of the published build: the preludes and the code of the pool process, bundled once, so that users need no sources of them. */
import { copyFile, writeFile } from 'node:fs/promises'
import { bundlePoolCode, POOL_CODE_FILE } from '../src/children/pool-code.ts'
import { ENTRY_FILE } from '../src/children/pool-permissions.ts'
import { allBundles } from '../src/isolate/host/bundle.ts'

const HOST = new URL('../dist/isolate/host/bundle.js', import.meta.url)
const CHILDREN = new URL('../dist/children/pool-code.js', import.meta.url)

for (const [file, text] of await allBundles()) await writeFile(new URL(file, HOST), text)
await writeFile(new URL(POOL_CODE_FILE, CHILDREN), JSON.stringify(await bundlePoolCode()))
// The compiler leaves files out that are JavaScript already.
await copyFile(new URL(`../src/children/${ENTRY_FILE}`, import.meta.url), new URL(ENTRY_FILE, CHILDREN))

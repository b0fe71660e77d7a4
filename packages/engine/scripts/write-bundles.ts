/**
 * Writes the preludes and the code of the pool process as bundles into the published build, so that users do not need
 * their sources.
 */
import { copyFile, writeFile } from 'node:fs/promises'
import { bundlePoolCode, POOL_CODE_FILE } from '../src/children/pool-code.ts'
import { ENTRY_FILE } from '../src/children/pool-permissions.ts'
import { allBundles } from '../src/isolate/host/bundle.ts'

const HOST = new URL('../dist/isolate/host/bundle.js', import.meta.url)
const CHILDREN = new URL('../dist/children/pool-code.js', import.meta.url)

for (const [file, text] of await allBundles()) await writeFile(new URL(file, HOST), text)
await writeFile(new URL(POOL_CODE_FILE, CHILDREN), JSON.stringify(await bundlePoolCode()))
// The compiler does not copy files that are already JavaScript.
await copyFile(new URL(`../src/children/${ENTRY_FILE}`, import.meta.url), new URL(ENTRY_FILE, CHILDREN))

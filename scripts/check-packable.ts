/**
 * Exits with 1 if a file is missing that the published package.json of this folder names: an entry point, its types,
 * the binary, or an entry of `files`. Each package runs this as part of its `prepack` script, after the build.
 */
import { existsSync, readFileSync } from 'node:fs'

const manifest = JSON.parse(readFileSync('package.json', 'utf8'))

/** Returns all strings of a value of package.json, at any depth. */
function strings(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(strings) : []
}

const named = [manifest.publishConfig?.exports, manifest.bin, manifest.files].flatMap(strings)
const missing = named.filter((path) => !existsSync(path))
if (missing.length > 0) {
  console.error(
    `${manifest.name} cannot be packed: ${missing.join(', ')} missing. Run "pnpm run build" in the root folder.`,
  )
  process.exitCode = 1
}

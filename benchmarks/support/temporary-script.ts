import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Writes a JavaScript script to a folder that is deleted when this process ends. Returns the path of the script. */
export function temporaryScript(source: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'siplet-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'script.js')
  writeFileSync(path, source)
  return path
}

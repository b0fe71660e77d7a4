import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { CaptureError } from './errors.ts'

/** File names of capture tools. tcpdump numbers the files that it rotates (`x.pcap3`). */
const CAPTURE_NAME = /\.(?:pcap|pcapng|cap|dmp|ntar)\d*(?:\.(?:gz|zst))?$/i

/**
 * Returns the captures for these paths: a file stands for itself, a directory for the captures in it, sorted by name.
 * Subdirectories are not searched. A path that does not exist is returned, and its reader reports it.
 *
 * @throws CaptureError ERR_SIPLET_CAPTURE_NOT_FOUND for a directory without captures
 */
export async function findCaptures(paths: readonly string[]): Promise<string[]> {
  const found: string[] = []
  for (const path of paths) {
    const isDirectory = await stat(path).then(
      (stats) => stats.isDirectory(),
      () => false,
    )
    found.push(...(isDirectory ? await capturesIn(path) : [path]))
  }
  return found
}

async function capturesIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true })
  const names = entries
    .filter((entry) => !entry.isDirectory() && CAPTURE_NAME.test(entry.name))
    .map((entry) => entry.name)
    .sort()
  if (names.length > 0) return names.map((name) => join(directory, name))
  throw new CaptureError(
    'ERR_SIPLET_CAPTURE_NOT_FOUND',
    `directory ${directory} contains no capture: no file name ends in .pcap, .pcapng or .cap, with or without .gz or .zst`,
  )
}

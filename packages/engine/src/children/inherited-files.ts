/**
 * Closes the file descriptors that the pool process inherited. Node opens its own descriptors so that child processes
 * do not inherit them. Native code, or the process that started the embedder, may not do that.
 */
import { closeSync, fstatSync, readdirSync, type Stats } from 'node:fs'

/** Directory that lists the open descriptors of this process. */
export const DESCRIPTORS = '/proc/self/fd'

/**
 * Closes all inherited descriptors. Must be called before any other code opens descriptors.
 *
 * @param firstUnknown the lowest descriptor that may be closed
 */
export function closeInheritedFiles(firstUnknown: number): void {
  const open = openFiles().filter(({ fd }) => fd >= firstUnknown)
  const pipeEnds = new Map<number, number>()
  for (const { stats } of open) {
    if (stats.isFIFO()) pipeEnds.set(stats.ino, (pipeEnds.get(stats.ino) ?? 0) + 1)
  }
  for (const { fd, stats } of open) {
    // Node's own descriptors have no file type (epoll, eventfd), or are both ends of one pipe of libuv.
    const own = (stats.mode & TYPE) === 0 || (stats.isFIFO() && pipeEnds.get(stats.ino)! > 1)
    if (!own) closeSync(fd)
  }
}

const TYPE = 0o170000

function openFiles(): { fd: number; stats: Stats }[] {
  return descriptors().flatMap((fd) => {
    try {
      return [{ fd, stats: fstatSync(fd) }]
    } catch {
      // This is the descriptor that listed the others.
      return []
    }
  })
}

function descriptors(): number[] {
  try {
    return readdirSync(DESCRIPTORS).map(Number)
  } catch {
    return []
  }
}

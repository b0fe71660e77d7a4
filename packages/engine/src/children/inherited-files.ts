/**
 * Closes the file descriptors that the pool process got from the process that started it. Node opens its own ones so
 * that children do not get them; native code, and the process that started the embedder, may not be so careful.
 */
import { closeSync, fstatSync, readdirSync, type Stats } from 'node:fs'

/** Where the open descriptors of this process are listed. */
export const DESCRIPTORS = '/proc/self/fd'

/**
 * To be called before anything else opens descriptors.
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
    // Node's own are of no type (epoll, eventfd), or are both ends of a pipe of libuv.
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
      // The one that listed the others.
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

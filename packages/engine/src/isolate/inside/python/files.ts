/**
 * The files that a Python script can see: the script, the modules that it imports, and our own modules. They are in
 * memory and read-only. The functions implement the system calls of the WebAssembly build, with the data layouts of
 * its C library.
 */
import { encodeUtf8 } from '@siplet/sipmsg'
import type { Memory } from './memory.ts'

/** Error numbers of WASI, which the build uses. */
const EBADF = 8
const EINVAL = 28
const ENOENT = 44
const ENOSYS = 52
const EROFS = 69

const DIRECTORY = 0o040555
const FILE = 0o100444
const STAT_SIZE = 96
const WRITING = 0o3 | 0o100 | 0o1000 | 0o2000

interface OpenFile {
  /** Content as one-byte text. */
  content: string
  at: number
}

/** @param write receives what the script prints: file descriptor 1 or 2, and one-byte text */
export function fileSystem(
  memory: () => Memory,
  files: Readonly<Record<string, string>>,
  write: (descriptor: number, text: string) => void,
): Record<string, (...args: never[]) => number> {
  const contents = new Map(Object.entries(files).map(([path, text]) => [path, encodeUtf8(text)]))
  const folders = new Set(['/'])
  for (const path of contents.keys()) {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      folders.add(path.slice(0, end))
    }
  }
  const open = new Map<number, OpenFile>()
  let lastDescriptor = 2

  const stat = (path: number, buffer: number): number => {
    const name = normal(memory().cText(path))
    const content = contents.get(name)
    if (content === undefined && !folders.has(name)) return -ENOENT
    return writeStat(buffer, content)
  }
  const writeStat = (buffer: number, content: string | undefined): number => {
    memory().bytes.fill(0, buffer, buffer + STAT_SIZE)
    memory().words[(buffer + 4) >> 2] = content === undefined ? DIRECTORY : FILE
    memory().words[(buffer + 8) >> 2] = 1
    memory().writeInt64(buffer + 24, content?.length ?? 0)
    return 0
  }
  const refused = () => -EROFS
  return {
    __syscall_stat64: stat,
    __syscall_lstat64: stat,
    __syscall_newfstatat: (_folder: number, path: number, buffer: number) => stat(path, buffer),
    __syscall_fstat64: (descriptor: number, buffer: number) => {
      const file = open.get(descriptor)
      return file === undefined ? -EBADF : writeStat(buffer, file.content)
    },
    __syscall_openat: (_folder: number, path: number, flags: number) => {
      if ((flags & WRITING) !== 0) return -EROFS
      const content = contents.get(normal(memory().cText(path)))
      if (content === undefined) return -ENOENT
      open.set(++lastDescriptor, { content, at: 0 })
      return lastDescriptor
    },
    __syscall_getcwd: (buffer: number, size: number) => {
      if (size < 2) return -EINVAL
      memory().writeCText(buffer, '/')
      return 2
    },
    __syscall_chdir: refused,
    __syscall_mkdirat: refused,
    __syscall_renameat: refused,
    __syscall_rmdir: refused,
    __syscall_unlinkat: refused,
    __syscall_getdents64: () => -ENOSYS,
    __syscall_poll: () => -ENOSYS,
    __syscall_statfs64: () => -ENOSYS,
    fd_close: (descriptor: number) => (open.delete(descriptor) ? 0 : EBADF),
    fd_sync: () => 0,
    fd_read: (descriptor: number, vectors: number, count: number, total: number) => {
      const file = open.get(descriptor)
      if (file === undefined) return EBADF
      let read = 0
      for (let i = 0; i < count; i++) {
        const at = memory().words[(vectors >> 2) + 2 * i]!
        const length = memory().words[(vectors >> 2) + 2 * i + 1]!
        const part = file.content.slice(file.at, file.at + length)
        for (let j = 0; j < part.length; j++) memory().bytes[at + j] = part.charCodeAt(j)
        file.at += part.length
        read += part.length
      }
      memory().words[total >> 2] = read
      return 0
    },
    fd_seek: (descriptor: number, offset: bigint, whence: number, result: number) => {
      const file = open.get(descriptor)
      if (file === undefined) return EBADF
      const from = whence === 0 ? 0 : whence === 1 ? file.at : file.content.length
      const at = from + Number(offset)
      if (at < 0) return EINVAL
      file.at = at
      memory().writeInt64(result, at)
      return 0
    },
    fd_write: (descriptor: number, vectors: number, count: number, total: number) => {
      let written = 0
      for (let i = 0; i < count; i++) {
        const at = memory().words[(vectors >> 2) + 2 * i]!
        const length = memory().words[(vectors >> 2) + 2 * i + 1]!
        write(descriptor, memory().oneByteText(at, length))
        written += length
      }
      memory().words[total >> 2] = written
      return 0
    },
  }
}

/** Returns the absolute path without `.` and `..`. */
function normal(path: string): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}

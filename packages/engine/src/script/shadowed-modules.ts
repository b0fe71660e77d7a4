/** Modules beside a Python script that have the name of one that the interpreter has itself. */
import { join } from 'node:path'

/** The interpreter looks beside the script first, as CPython does for most of these. */
export const SHADOWED =
  'abc array asyncio base64 binascii collections copy datetime errno fnmatch functools gzip hashlib heapq hmac html inspect itertools json locale logging operator os pathlib platform random re select stat string struct tarfile time types unittest uu zlib'.split(
    ' ',
  )

/** The interpreter takes its own, whatever is beside the script. */
export const UNREACHABLE =
  'OpenSIPS builtins cmath deflate framebuf gc io js jsffi math micropython sys uctypes vfs'.split(' ')

/**
 * Warnings of modules that the script imports.
 *
 * @param root folder of the script
 * @param files paths of what it imports
 */
export function shadowWarnings(root: string, files: ReadonlySet<string>): string[] {
  const besides = (name: string) =>
    [join(root, `${name}.py`), join(root, name, '__init__.py')].find((path) => files.has(path))
  const warnings: string[] = []
  for (const name of SHADOWED) {
    const path = besides(name)
    if (path === undefined) continue
    warnings.push(
      `import ${name}: ${path} is taken, and not the ${name} that comes with MicroPython; rename it if that is not meant`,
    )
  }
  for (const name of UNREACHABLE) {
    const path = besides(name)
    if (path === undefined) continue
    warnings.push(`import ${name}: ${path} is not taken, since ${name} is built in; rename it`)
  }
  return warnings
}

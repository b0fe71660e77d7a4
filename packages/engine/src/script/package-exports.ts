/** Resolves `exports` and `imports` of a package.json as Node does: https://nodejs.org/api/packages.html */
import { MAX_PATH } from './script-files.ts'

/**
 * Returns the target of a subpath.
 *
 * @param map value of `exports` or `imports`
 * @param subpath `.` or `./x` for exports, `#x` for imports
 * @param conditions the active conditions, such as `import`; `default` is always active
 * @returns a target such as `./dist/x.js`, for imports possibly the name of a package; undefined if the map has no
 *   target
 */
export function packageTarget(
  map: unknown,
  subpath: string,
  conditions: ReadonlySet<string>,
): string | undefined {
  const paths = isPathMap(map) ? map : { '.': map }
  const keys = Object.keys(paths)
  if (keys.includes(subpath) && !subpath.includes('*')) return target(paths[subpath], '', conditions)
  let best: { key: string; rest: string } | undefined
  for (const key of keys) {
    const rest = wildcard(key, subpath)
    if (rest !== undefined && (best === undefined || isMoreSpecific(key, best.key))) best = { key, rest }
  }
  return best && target(paths[best.key], best.rest, conditions)
}

/** Returns whether the keys are paths instead of conditions. */
function isPathMap(map: unknown): map is Record<string, unknown> {
  return isObject(map) && Object.keys(map).some((key) => key.startsWith('.') || key.startsWith('#'))
}

/** Returns the text that the asterisk of a key stands for. */
function wildcard(key: string, subpath: string): string | undefined {
  const [before, after, more] = key.split('*')
  if (after === undefined || more !== undefined) return undefined
  const isMatch =
    subpath.length >= key.length &&
    subpath.startsWith(before!) &&
    subpath.endsWith(after) &&
    subpath !== before
  return isMatch ? subpath.slice(before!.length, subpath.length - after.length) : undefined
}

/**
 * PATTERN_KEY_COMPARE of Node: first compares the length of the part before the asterisk, then the length of the key.
 */
function isMoreSpecific(key: string, other: string): boolean {
  const [a, b] = [key.indexOf('*'), other.indexOf('*')]
  return a === b ? key.length > other.length : a > b
}

function target(value: unknown, rest: string, conditions: ReadonlySet<string>): string | undefined {
  if (typeof value === 'string') {
    // Every asterisk stands for the same text, and there may be many. No valid path is that long.
    const length = value.length + (value.split('*').length - 1) * rest.length
    return length > MAX_PATH ? undefined : value.replaceAll('*', () => rest)
  }
  if (Array.isArray(value)) {
    for (const item of value) {
      const found = target(item, rest, conditions)
      if (found !== undefined) return found
    }
    return undefined
  }
  if (!isObject(value)) return undefined
  for (const [condition, item] of Object.entries(value)) {
    if (condition !== 'default' && !conditions.has(condition)) continue
    const found = target(item, rest, conditions)
    if (found !== undefined) return found
  }
  return undefined
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

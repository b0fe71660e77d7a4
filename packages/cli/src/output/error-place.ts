import type { SipletError } from '@siplet/engine'

/**
 * Expressions for stack frames of V8 and the place at their end. Both take linear time, because a script may write a
 * stack itself.
 */
const FRAME = /^ +at /
const PLACE = /:\d{1,9}:\d{1,9}\)?$/
/** Number of characters of a stack that are examined. */
const MAX_STACK = 16_384
/** One line of a Python traceback. The last one names the place of the error. */
const PYTHON = /^ {2}File "(.+)", line (\d+)/gm

/**
 * Returns the place of an error in the script: `file:line:column`, or `file:line` for Python. Null if the stack names
 * no place.
 */
export function errorPlace({ stack = '' }: SipletError): string | null {
  const looked = stack.slice(0, MAX_STACK)
  const python = [...looked.matchAll(PYTHON)].at(-1)
  if (python !== undefined) return `${python[1]}:${python[2]}`
  // The first frame is the place of the error.
  for (const line of looked.split('\n')) {
    if (!FRAME.test(line) || !PLACE.test(line)) continue
    const place = line.slice(Math.max(line.lastIndexOf(' '), line.lastIndexOf('(')) + 1).replace(/\)$/, '')
    if (!place.startsWith(':')) return place
  }
  return null
}

/** Like {@link errorPlace}, without the column. */
export function errorLine(error: SipletError): string | null {
  return errorPlace(error)?.replace(/(:\d+):\d+$/, '$1') ?? null
}

import type { SipletError } from '@siplet/engine'

/** A frame in a stack of V8, and the place at the end of it. A script may write stacks itself: both are linear. */
const FRAME = /^ +at /
const PLACE = /:\d{1,9}:\d{1,9}\)?$/
/** Characters of a stack that are looked at. */
const MAX_STACK = 16_384
/** Of a Python traceback: its last frame is. */
const PYTHON = /^ {2}File "(.+)", line (\d+)/gm

/** Where in the script an error arose: `file:line:column`, of Python `file:line`; null where its stack has no place. */
export function errorPlace({ stack = '' }: SipletError): string | null {
  const looked = stack.slice(0, MAX_STACK)
  const python = [...looked.matchAll(PYTHON)].at(-1)
  if (python !== undefined) return `${python[1]}:${python[2]}`
  // The first frame is where the error arose.
  for (const line of looked.split('\n')) {
    if (!FRAME.test(line) || !PLACE.test(line)) continue
    const place = line.slice(Math.max(line.lastIndexOf(' '), line.lastIndexOf('(')) + 1).replace(/\)$/, '')
    if (!place.startsWith(':')) return place
  }
  return null
}

/** The same without the column. */
export function errorLine(error: SipletError): string | null {
  return errorPlace(error)?.replace(/(:\d+):\d+$/, '$1') ?? null
}

import type { SipletError } from '@siplet/engine'

/** Of a stack of V8: its first frame is where the error arose. */
const JAVASCRIPT = /^\s+at .*?\(?([^\s()]+:\d+:\d+)\)?$/m
/** Of a Python traceback: its last frame is. */
const PYTHON = /^ {2}File "(.+)", line (\d+)/gm

/** Where in the script an error arose: `file:line:column`, of Python `file:line`; null where its stack has no place. */
export function errorPlace({ stack = '' }: SipletError): string | null {
  const python = [...stack.matchAll(PYTHON)].at(-1)
  if (python !== undefined) return `${python[1]}:${python[2]}`
  return JAVASCRIPT.exec(stack)?.[1] ?? null
}

/** The same without the column. */
export function errorLine(error: SipletError): string | null {
  return errorPlace(error)?.replace(/(:\d+):\d+$/, '$1') ?? null
}

/** Checks the result of a start (StartResult): the script chooses the names of its methods. */
import { ERRORS, type ErrorCode } from '../errors.ts'
import type { StartResult } from '../isolate/host/child-spec.ts'
import { Malformed, orMalformed } from './malformed.ts'

const MAX_METHODS = 10_000
/** Maximum length of all names together, in characters. */
const MAX_NAMES_LENGTH = 1 << 20
/** Maximum length of message and stack, in characters. */
const MAX_TEXT_LENGTH = 16_384
/**
 * Maximum length of a StartResult as JSON, in bytes. A character takes at most six bytes, and both lists may contain
 * all names.
 */
export const MAX_START_RESULT_BYTES = 2 * 6 * MAX_NAMES_LENGTH + 4 * MAX_METHODS + (1 << 18)

/** Returns the result if it is valid, otherwise a failure that names the malformed part. */
export function checkedStartResult(result: unknown): StartResult {
  const checked = orMalformed(() => startResult(result))
  return checked instanceof Malformed ? lostStart(`malformed start result: ${checked.message}`) : checked
}

/** Returns the result of a start that failed because the child was lost. */
export function lostStart(message: string): Extract<StartResult, { ok: false }> {
  return { ok: false, code: 'ERR_SIPLET_CHILD_LOST', message, stack: '' }
}

/** Returns the checked result from its JSON. */
export function parseStartResult(json: string): StartResult {
  let result: unknown
  try {
    result = JSON.parse(json)
  } catch {
    return lostStart('malformed start result: not JSON')
  }
  return checkedStartResult(result)
}

function startResult(result: unknown): StartResult {
  if (typeof result !== 'object' || result === null) throw new Malformed(typeof result)
  const { ok, code, message, stack, methods, asyncMethods } = result as Record<string, unknown>
  if (ok === true) return { ok, methods: names(methods), asyncMethods: names(asyncMethods) }
  if (ok !== false) throw new Malformed('neither started nor failed')
  if (typeof code !== 'string' || !Object.hasOwn(ERRORS, code)) throw new Malformed('an unknown error code')
  return { ok, code: code as ErrorCode, message: text(message), stack: text(stack) }
}

function names(list: unknown): string[] {
  if (!Array.isArray(list)) throw new Malformed('methods that are no list')
  if (list.length > MAX_METHODS) throw new Malformed(`${list.length} methods, more than ${MAX_METHODS}`)
  const checked: string[] = []
  let length = 0
  for (const name of list as unknown[]) {
    if (typeof name !== 'string') throw new Malformed('a method whose name is no text')
    length += name.length
    if (length > MAX_NAMES_LENGTH) throw new Malformed('names of methods of more than a million characters')
    checked.push(name)
  }
  return checked
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new Malformed('an error that is no text')
  return value.slice(0, MAX_TEXT_LENGTH)
}

/**
 * Reads calls of call_function on the host's side: a call from an isolate is checked against the batch that it claims
 * to belong to.
 */
import type { SIPMessage, Splice } from '@siplet/sipmsg'
import { type FunctionCall, MAX_FUNCTION_ARGUMENTS } from './function-call.ts'
import { Malformed } from './malformed.ts'

const URI_CHARACTERS = /^[\x21-\x7e]+$/
const NOT_ONE_BYTE = /[^\x00-\xff]/

/**
 * Reads a call from its JSON.
 *
 * @throws Malformed if the text is no call, or does not fit the exec that it names
 */
export function readFunctionCall(
  json: string,
  batch: readonly { message: Pick<SIPMessage, 'acceptsSplices'> }[],
): FunctionCall {
  const { index, name, args, dstUri, splices } = parsed(json)
  const exec = Number.isInteger(index) ? batch[index as number] : undefined
  if (exec === undefined) throw new Malformed('a function call of no exec of the batch')
  if (typeof name !== 'string') throw new Malformed('a function call without a name')
  if (dstUri !== null && (typeof dstUri !== 'string' || !URI_CHARACTERS.test(dstUri))) {
    throw new Malformed('a function call with a dst URI that is none')
  }
  const edits = checkedSplices(splices, exec.message)
  if (edits === undefined) throw new Malformed('a function call with edits that do not fit the message')
  return { index: index as number, name, args: checkedArguments(args), dstUri, splices: edits }
}

/** Returns a copy of the splices if they are valid edits of the message. */
export function checkedSplices(
  splices: unknown,
  message: Pick<SIPMessage, 'acceptsSplices'>,
): Splice[] | undefined {
  if (!Array.isArray(splices)) return undefined
  const checked: Splice[] = []
  for (const splice of splices as unknown[]) {
    if (typeof splice !== 'object' || splice === null) return undefined
    const { start, end, text } = splice as Partial<Splice>
    if (!Number.isInteger(start) || !Number.isInteger(end)) return undefined
    if (typeof text !== 'string' || NOT_ONE_BYTE.test(text)) return undefined
    checked.push({ start: start!, end: end!, text })
  }
  return message.acceptsSplices(checked) ? checked : undefined
}

function parsed(json: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    throw new Malformed('a function call that is not JSON')
  }
  if (typeof value !== 'object' || value === null) throw new Malformed('a function call that is no object')
  return value as Record<string, unknown>
}

function checkedArguments(args: unknown): (string | number)[] {
  if (!Array.isArray(args) || args.length > MAX_FUNCTION_ARGUMENTS) {
    throw new Malformed('a function call with other arguments than a few')
  }
  for (const arg of args as unknown[]) {
    if (typeof arg !== 'string' && !(typeof arg === 'number' && Number.isFinite(arg))) {
      throw new Malformed('a function call with an argument that is neither text nor a finite number')
    }
  }
  return args as (string | number)[]
}

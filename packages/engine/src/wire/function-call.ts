/**
 * call_function, both directions, as JSON: it is rare, its arguments are of any number, and a host callback
 * costs more than the text. `splices` is null where there are no edits; splice texts are one-byte text.
 */
import type { Splice } from '@siplet/sipmsg'
import type { ErrorCode } from '../errors.ts'

/** Beside the name. */
export const MAX_FUNCTION_ARGUMENTS = 8

/** Child → engine. `index` is the exec's place in its batch. */
export interface FunctionCall {
  index: number
  name: string
  args: (string | number)[]
  dstUri: string | null
  splices: readonly Splice[]
}

/** Engine → child: the function's code and the message as the function left it, or why there is none. */
export type FunctionReply = { code: number; dstUri: string | null; splices: readonly Splice[] } | FailedReply

export interface FailedReply {
  error: ErrorCode
  message: string
}

/**
 * Calls of call_function and their replies, as JSON. Calls are rare, their arguments vary in number, and the call
 * from the isolate into the host costs more than the text. `splices` is null if there are no edits; the texts of
 * splices are one-byte text.
 */
import type { Splice } from '@siplet/sipmsg'
import type { ErrorCode } from '../errors.ts'

/** Maximum number of arguments, without the function's name. */
export const MAX_FUNCTION_ARGUMENTS = 8

/** Child → engine. `index` is the index of the exec in its batch. */
export interface FunctionCall {
  index: number
  name: string
  args: (string | number)[]
  dstUri: string | null
  splices: readonly Splice[]
}

/** Engine → child: the code of the function and the message as the function left it, or the reason for a failure. */
export type FunctionReply = { code: number; dstUri: string | null; splices: readonly Splice[] } | FailedReply

export interface FailedReply {
  error: ErrorCode
  message: string
}

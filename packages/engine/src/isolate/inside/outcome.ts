/** What the script's side says of how something went, in whatever language the script is. */
import { encodeUtf8 } from '@siplet/sipmsg'
import type { ErrorCode } from '../../errors.ts'
import type { VerdictError } from '../../wire/verdict.ts'

/** How loading, mod_init and child_init went, as plain data: it crosses to the engine. */
export interface InitResult {
  ok: boolean
  message: string
  stack: string
  /** Where it is not simply that this step failed. */
  code?: ErrorCode
}

/** Longest stack and message of an error of a script: characters. */
export const MAX_STACK_LENGTH = 8_192
export const MAX_MESSAGE_LENGTH = 2_048

/** V8's words. */
export const STACK_OVERFLOW = 'Maximum call stack size exceeded'

export const SUCCESS: InitResult = { ok: true, message: '', stack: '' }

export function failure(message: string, stack = ''): InitResult {
  return { ok: false, message, stack }
}

/** What an exec is answered with whose method could not be called, or returned what is no code. */
export function refusal(code: VerdictError['code'], message: string): VerdictError {
  return { code, message: encodeUtf8(message), stack: '' }
}

/** Errors of members of SIPMsg that are the exec's own, where the script does not catch them. */
export const LIMIT_ERRORS = ['ERR_SIPLET_CALL_FUNCTION_LIMIT'] as const

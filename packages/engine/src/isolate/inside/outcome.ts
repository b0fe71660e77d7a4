/** Describes how a step or an exec of a script ended, for scripts of all languages. */
import { encodeUtf8 } from '@siplet/sipmsg'
import type { ErrorCode } from '../../errors.ts'
import type { VerdictError } from '../../wire/verdict.ts'

/** Result of loading the script, of mod_init or of child_init. Plain data, because it crosses to the engine. */
export interface InitResult {
  ok: boolean
  message: string
  stack: string
  /** Error code, if it differs from the code of the failed step. */
  code?: ErrorCode
}

/** Maximum length of the stack and of the message of a script's error, in characters. */
export const MAX_STACK_LENGTH = 8_192
export const MAX_MESSAGE_LENGTH = 2_048

/** The message that V8 uses. */
export const STACK_OVERFLOW = 'Maximum call stack size exceeded'

export const SUCCESS: InitResult = { ok: true, message: '', stack: '' }

export function failure(message: string, stack = ''): InitResult {
  return { ok: false, message, stack }
}

/** Returns the error of an exec whose method could not be called, or returned something that is not a code. */
export function refusal(code: VerdictError['code'], message: string): VerdictError {
  return { code, message: encodeUtf8(message), stack: '' }
}

/** Codes of SIPMsg errors that become the code of the exec if the script does not catch them. */
export const LIMIT_ERRORS = ['ERR_SIPLET_CALL_FUNCTION_LIMIT'] as const

import type { FailedReply } from '../wire/function-call.ts'

/** Returns the reply to a call whose function did not answer in time. */
export function timedOut(name: string, timeoutMs: number): FailedReply {
  return {
    error: 'ERR_SIPLET_CALL_FUNCTION_TIMEOUT',
    message: `${name}() ran longer than limits.callFunctionTimeoutMs (${timeoutMs} ms)`,
  }
}

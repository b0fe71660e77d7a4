import { printableLines } from './printable.ts'

/**
 * All errors that the engine throws or returns in a result. This table is the only definition of each code: when the error
 * happens, and what to do about it. Codes are stable; messages are for people and may change.
 */
export const ERRORS = {
  ERR_SIPLET_CONFIG:
    'an option of createEngine is missing or invalid; the message names the option and the value',
  ERR_SIPLET_SCRIPT_NOT_FOUND: 'scriptName cannot be read; give the path of an existing script',
  ERR_SIPLET_SCRIPT_TYPE: 'the extension of scriptName belongs to no supported script language',
  ERR_SIPLET_SCRIPT_SYNTAX: 'the script has a syntax error; the message contains file, line and column',
  ERR_SIPLET_SCRIPT_IMPORT:
    'the script imports something that is not allowed: a Node built-in, or a file outside of its root',
  ERR_SIPLET_SCRIPT_LOAD: 'the top level of the script threw an error, or exceeded its time or memory limit',
  ERR_SIPLET_MOD_INIT: 'the init function is missing, threw an error, or did not return an object',
  ERR_SIPLET_CHILD_INIT:
    'the child-init method is missing, threw an error, or did not return an integer >= 0',
  ERR_SIPLET_SCRIPT: 'the method threw an error; error.stack refers to the script as written',
  ERR_SIPLET_METHOD_NOT_FOUND: 'the object that mod_init returned has no method of this name',
  ERR_SIPLET_RETURN_TYPE: 'the method returned something other than a 32-bit integer (or a boolean)',
  ERR_SIPLET_RESULT_TOO_LARGE:
    'edits, next hop, log lines and error of one exec exceed limits.maxResultBytes',
  ERR_SIPLET_TIMEOUT: 'the method ran longer than limits.timeoutMs; the child was rebuilt',
  ERR_SIPLET_MEMORY: 'the isolate reached limits.memoryMb; the child was rebuilt',
  ERR_SIPLET_CHILD_LOST:
    'the worker or process of the child ended during the exec, or returned malformed data',
  ERR_SIPLET_POISON:
    'this method ended its process twice for this message; it is refused until the script is reloaded',
  ERR_SIPLET_STACK: 'the method exceeded the stack by recursion',
  ERR_SIPLET_CALL_FUNCTION_LIMIT: 'the method called call_function more than limits.maxFunctionCalls times',
  ERR_SIPLET_LOG_RATE: 'log lines were dropped: the script wrote more than limits.maxLogLines per second',
  ERR_SIPLET_OVERLOAD:
    'limits.maxQueue execs or limits.maxQueueBytes of messages are waiting already; shed load or add children',
  ERR_SIPLET_MESSAGE_TOO_LARGE:
    'message and extraArgs together exceed limits.maxMessageBytes; the error message contains both lengths',
  ERR_SIPLET_NOT_SIP: 'the bytes passed to exec do not begin with a SIP start line',
  ERR_SIPLET_ARGUMENT: 'exec was called with an argument of the wrong type or size',
  ERR_SIPLET_CLOSED: 'the engine is closed or closing',
  ERR_SIPLET_SYNC: 'execSync was called, but the result cannot be computed synchronously',
  ERR_SIPLET_NO_SUCH_FUNCTION: 'call_function named a function that the embedder did not register',
  ERR_SIPLET_CALL_FUNCTION:
    'a function of the embedder threw an error, did not return an integer, or left invalid edits or an invalid dstUri',
  ERR_SIPLET_CALL_FUNCTION_TIMEOUT: 'a function of the embedder ran longer than limits.callFunctionTimeoutMs',
  ERR_SIPLET_ASYNC_FUNCTION:
    'a script called an asynchronous function of the embedder during execSync; use exec',
  ERR_SIPLET_INSPECT_LANGUAGE:
    'inspect works for JavaScript and TypeScript only, because V8 cannot debug Python',
  ERR_SIPLET_INSPECT_LISTEN:
    'inspect cannot listen on its host and port; choose another port, or 0 for any free port',
  ERR_SIPLET_WOULD_DEADLOCK:
    'an exec from within a function would wait for the child that waits for this function',
} as const

export type ErrorCode = keyof typeof ERRORS

/** Optional details of a {@link SipletError}. */
export interface SipletErrorDetails {
  /** Rank of the child concerned, 1 to N. */
  rank?: number
  /** The error that caused this one. */
  cause?: unknown
  /** Stack of the script, with file, line and column of the script as written. */
  stack?: string
}

/**
 * The error class of the engine. `code` is stable and listed in {@link ERRORS}. Message and stack may quote a script, so
 * control characters in them are escaped (printable.ts).
 */
export class SipletError extends Error {
  override readonly name = 'SipletError'
  readonly code: ErrorCode
  readonly rank: number | undefined

  constructor(code: ErrorCode, message: string, details: SipletErrorDetails = {}) {
    super(printableLines(message), details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.rank = details.rank
    if (details.stack !== undefined) this.stack = printableLines(details.stack)
  }
}

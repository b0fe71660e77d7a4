import { printableLines } from './printable.ts'

/**
 * Every error the engine raises or answers with. The table is the one place where a code is defined:
 * when it happens and what to do about it. Codes are stable; messages are for people and may improve.
 */
export const ERRORS = {
  ERR_SIPLET_CONFIG:
    'an option of createEngine is missing or wrong; the message names the option and the value',
  ERR_SIPLET_SCRIPT_NOT_FOUND: 'scriptName cannot be read; give the path of an existing script',
  ERR_SIPLET_SCRIPT_TYPE: 'scriptName has an extension no script language belongs to',
  ERR_SIPLET_SCRIPT_SYNTAX: 'the script does not parse; the message holds file, line and column',
  ERR_SIPLET_SCRIPT_IMPORT:
    'the script imports what it may not have: a Node built-in, or a file outside of its root',
  ERR_SIPLET_SCRIPT_LOAD: 'the top level of the script threw, or ran out of time or memory',
  ERR_SIPLET_MOD_INIT: 'the init function is missing, threw, or did not return an object',
  ERR_SIPLET_CHILD_INIT: 'the child-init method is missing, threw, or returned no integer >= 0',
  ERR_SIPLET_SCRIPT: 'the method threw; error.stack is the stack of the script as written',
  ERR_SIPLET_METHOD_NOT_FOUND: 'the object of mod_init has no such method',
  ERR_SIPLET_RETURN_TYPE: 'the method returned something other than a 32-bit integer (or a boolean)',
  ERR_SIPLET_RESULT_TOO_LARGE: 'edits, dst URI and error of one exec exceed limits.maxResultBytes',
  ERR_SIPLET_TIMEOUT: 'the method ran longer than limits.timeoutMs; the child was rebuilt',
  ERR_SIPLET_MEMORY: 'the isolate reached limits.memoryMb; the child was rebuilt',
  ERR_SIPLET_CHILD_LOST:
    'the worker or process of the child ended while the exec was under way, or what it answered was malformed',
  ERR_SIPLET_POISON:
    'the method on this very message ended its process twice; it is refused until the script is reloaded',
  ERR_SIPLET_STACK: 'the method recursed beyond the depth of the stack',
  ERR_SIPLET_CALL_FUNCTION_LIMIT: 'the method called call_function more than limits.maxFunctionCalls times',
  ERR_SIPLET_LOG_RATE: 'log lines were dropped: the script wrote more than limits.maxLogLines a second',
  ERR_SIPLET_OVERLOAD:
    'limits.maxQueue execs wait already, or limits.maxQueueBytes of messages; shed load or add children',
  ERR_SIPLET_MESSAGE_TOO_LARGE:
    'message and extraArgs are longer than limits.maxMessageBytes, together; the message names both lengths',
  ERR_SIPLET_NOT_SIP: 'the bytes handed to exec do not begin with a SIP start line',
  ERR_SIPLET_ARGUMENT: 'exec was called with an argument of the wrong type or size',
  ERR_SIPLET_CLOSED: 'the engine is closed or closing',
  ERR_SIPLET_SYNC: 'execSync was used where an answer cannot be had synchronously',
  ERR_SIPLET_NO_SUCH_FUNCTION: 'call_function named a function the embedder did not register',
  ERR_SIPLET_CALL_FUNCTION:
    'a function of the embedder threw, returned no integer, or left edits or a dstUri that cannot be used',
  ERR_SIPLET_CALL_FUNCTION_TIMEOUT: 'a function of the embedder ran longer than limits.callFunctionTimeoutMs',
  ERR_SIPLET_ASYNC_FUNCTION:
    'execSync reached a function of the embedder that answers asynchronously; use exec',
  ERR_SIPLET_INSPECT_LANGUAGE: 'inspect is for JavaScript and TypeScript: V8 does not see Python',
  ERR_SIPLET_INSPECT_LISTEN: 'inspect cannot listen on its host and port; choose another port, or 0 for any',
  ERR_SIPLET_WOULD_DEADLOCK:
    'an exec from within a call_function would wait for the very child that waits for it',
} as const

export type ErrorCode = keyof typeof ERRORS

/** What a {@link SipletError} may say beside code and message. */
export interface SipletErrorDetails {
  /** The rank of the child concerned, 1..N. */
  rank?: number
  /** The error behind this one. */
  cause?: unknown
  /** The script's own stack, with file, line and column of the script as written. */
  stack?: string
}

/**
 * The one error class of the engine. `code` is stable and listed in {@link ERRORS}. Message and stack may quote a script:
 * control characters in them are escapes, see printable.ts.
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

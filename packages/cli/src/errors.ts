/** Every error that the commands raise themselves: when it happens and what to do about it. Codes are stable. */
export const CLI_ERRORS = {
  ERR_SIPLET_USAGE:
    'the options contradict each other, a value is not accepted, or a file is for another command',
  ERR_SIPLET_METHOD_NOT_FOUND:
    'the object of mod_init has no method of that name; the message lists its methods',
  ERR_SIPLET_MESSAGE_NOT_FOUND: 'the message file cannot be read',
  ERR_SIPLET_MESSAGE_TRUNCATED: 'the message ends within its head (captured too short): it was not executed',
  ERR_SIPLET_FUNCTIONS: 'the module of --functions cannot be loaded, or exports no function',
  ERR_SIPLET_EXPECTATION: 'the recording of --expect cannot be read, or belongs to other messages',
  ERR_SIPLET_OUTPUT: 'an output file cannot be written',
  ERR_SIPLET_OVERWRITE: 'an output file is also an input, or another output; choose another file',
  ERR_SIPLET_EXISTS: 'siplet init never overwrites a file; choose an empty folder, or move the file away',
} as const

/** An error that stops a command. */
export class CLIError extends Error {
  override readonly name = 'CLIError'
  readonly code: keyof typeof CLI_ERRORS

  constructor(code: keyof typeof CLI_ERRORS, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Exit codes of every command. */
export const EXIT = {
  DONE: 0,
  /** A script error, with --fail-on-error. For `exec`, any script error. */
  SCRIPT_ERROR: 1,
  /** Decisions differ, with --expect, or with --compare and --fail-on-difference. */
  DIFFERENCE: 1,
  /** Wrong usage, or an input that cannot be used. */
  UNUSABLE: 2,
  /** No message was replayed, without --allow-empty. */
  EMPTY: 3,
  /** Ended by Ctrl-C. Everything done before that is written. */
  INTERRUPTED: 130,
} as const

/** What a hostile script is, and what it may come to. */
import type { ErrorCode, Limits } from '@siplet/engine'

export type Language = 'JavaScript' | 'Python'
export type Expected = ErrorCode | number

/** A method of a script that attacks. The harness adds the method that probes the child; see attack-run.ts. */
export interface Attack {
  name: string
  /** Body of the method, unindented. `msg` is the message. */
  attack: string
  /** Runs once in the child before the first message, in a scope of its own that `attack` sees. */
  setup?: string
  /** What the exec comes to: an error code, one of several, or the integer returned. */
  expect: Expected | readonly Expected[]
  /**
   * Why V8 does not end the script in time. It holds up its thread, or ends it for want of memory: `thread` leaves the
   * thread behind, `process` ends the pool process, and `inline` does not hold the script.
   */
  uninterrupted?: string
  /** Whether V8 ends the process in `thread`, too, or the thread that is left behind holds more than 1 GiB. */
  alsoInThread?: true
  limits?: Partial<Limits>
  /** Whether the engine has functions for call_function; see functions.ts. Inline isolates run on another thread then. */
  functions?: true
  /**
   * The script changes what it reads itself (docs/containment.md). Its own probes may come to any answer that is well
   * formed; those of the other children have to be right.
   */
  harmsItself?: true
}

/** A whole script that attacks while it is loaded, as it starts, or as it starts again. */
export interface StartAttack {
  name: string
  /** The script. `START_OF_ATTACK` in it is a time for Date.now() or time.time() * 1000; see start-run.ts. */
  source: string
  /** Further files: path from the folder of the script, and text. */
  files?: Record<string, string>
  /** `start`: createEngine. `rebuild`: the script starts well, and attacks when its child is started again. */
  when: 'start' | 'rebuild'
  /** What createEngine rejects with, or what an exec is answered with after the rebuild; 1 is what `probe` returns. */
  expect: Expected | readonly Expected[]
  uninterrupted?: string
  limits?: Partial<Limits>
}

/** A row of the table in the README. */
export interface Kind {
  /** Ends the sentence that begins with "the script". */
  title: string
  attacks: Record<Language, readonly Attack[]>
  starts?: Record<Language, readonly StartAttack[]>
}

export const TIMEOUT = 'ERR_SIPLET_TIMEOUT'
export const MEMORY = 'ERR_SIPLET_MEMORY'
export const SCRIPT = 'ERR_SIPLET_SCRIPT'
export const LOST = 'ERR_SIPLET_CHILD_LOST'
export const STACK = 'ERR_SIPLET_STACK'
export const RETURN = 'ERR_SIPLET_RETURN_TYPE'
export const IMPORT = 'ERR_SIPLET_SCRIPT_IMPORT'
export const TOO_LARGE = 'ERR_SIPLET_RESULT_TOO_LARGE'
/** Which limit comes first depends on the machine. */
export const EITHER = [TIMEOUT, MEMORY] as const

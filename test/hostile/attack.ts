/** Hostile scripts, and their expected results. */
import type { ErrorCode, Limits } from '@siplet/engine'

export type Language = 'JavaScript' | 'Python'
export type Expected = ErrorCode | number

/** An attacking method of a script. The harness adds the method that probes the child; see attack-run.ts. */
export interface Attack {
  name: string
  /** Body of the method, unindented. `msg` is the message. */
  attack: string
  /** Runs once in the child before the first message, in a scope that `attack` sees. */
  setup?: string
  /** The expected result: an error code, one of several, or the returned integer. */
  expect: Expected | readonly Expected[]
  /**
   * Why V8 does not stop the script in time: it blocks its thread, or V8 ends its process because of a lack of memory.
   * `thread` abandons the thread, `process` ends the pool process, and `inline` does not hold the script.
   */
  uninterrupted?: string
  /** Whether V8 also ends the process in `thread`, or whether the abandoned thread holds more than 1 GiB. */
  alsoInThread?: true
  limits?: Partial<Limits>
  /**
   * Whether the engine has functions for call_function; see functions.ts. Inline isolates then run on another thread.
   */
  functions?: true
  /**
   * Whether the script changes what it reads itself (docs/containment.md). Its own probes may then have any well-formed
   * result; those of other children must be correct.
   */
  harmsItself?: true
}

/** A whole script that attacks while it is loaded, started or rebuilt. */
export interface StartAttack {
  name: string
  /** The script. `START_OF_ATTACK` in it is a time for Date.now() or time.time() * 1000; see start-run.ts. */
  source: string
  /** Further files: text by path, relative to the folder of the script. */
  files?: Record<string, string>
  /** `start`: during createEngine. `rebuild`: the script starts well, and attacks when its child is rebuilt. */
  when: 'start' | 'rebuild'
  /** The error of createEngine, or the result of an exec after the rebuild; `probe` returns 1. */
  expect: Expected | readonly Expected[]
  uninterrupted?: string
  limits?: Partial<Limits>
}

/** A row of the table in the README. */
export interface Kind {
  /** Completes the sentence "the script …". */
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
/** Which limit is reached first depends on the machine. */
export const EITHER = [TIMEOUT, MEMORY] as const

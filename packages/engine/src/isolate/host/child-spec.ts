/** What an isolate is built from, and what its start and its runs return. */
import type { Limits } from '../../config.ts'
import type { ErrorCode } from '../../errors.ts'
import type { Bundle } from '../../script/bundle.ts'
import type { Preludes } from './bundle.ts'

/** Everything that an isolate needs. Plain data, so that it can be sent to a worker. */
export interface ChildSpec {
  rank: number
  preludes: Preludes
  script: Bundle
  modInitFunction: string
  childInitMethod: string
  limits: Pick<Limits, 'memoryMb' | 'timeoutMs' | 'initTimeoutMs' | 'maxResultBytes' | 'maxFunctionCalls'>
  /** Area into which verdicts are written (wire/verdict.ts). */
  area: SharedArrayBuffer
  /** Whether a debugger may attach (inspector/). */
  inspected?: true
  /**
   * Whether a fatal error of V8, such as an object that does not fit into the heap, stops only the thread instead of
   * the process.
   */
  stopsOnFatalError?: true
}

/** Answers call_function: takes a FunctionCall and returns a FunctionReply, both as JSON (wire/function-call.ts). */
export interface FunctionHost {
  direct(call: string): string
  /** Used by runAsync only. */
  waiting(call: string): Promise<string>
}

/**
 * How a run ended: `done`, or the reason for the end of the isolate. After anything but `done`, the isolate must not
 * be used again.
 */
export const RUN_ENDS = ['done', 'timeout', 'memory', 'lost'] as const
export type RunEnd = (typeof RUN_ENDS)[number]

/** Result of the start of a child. Plain data, because it may be sent to another thread. */
export type StartResult =
  | { ok: true; methods: string[]; asyncMethods: string[] }
  | { ok: false; code: ErrorCode; message: string; stack: string }

/** The result of a start that failed. */
export type StartFailure = Extract<StartResult, { ok: false }>

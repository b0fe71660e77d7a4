/** What a child's start is made of, and what is said of a step that did not end well. */
import type { ErrorCode } from '../../errors.ts'
import type { InitResult } from '../inside/outcome.ts'
import type { ChildSpec, RunEnd, StartResult } from './child.ts'
import type { ScriptSide } from './script-side.ts'

export interface StartStep {
  /** Of the error where the step fails. */
  code: ErrorCode
  /** What runs, as messages name it. */
  subject: string
  entrance: keyof Pick<ScriptSide, 'load' | 'initModule' | 'initChild'>
}

/** In their order; the first one also stands for what comes before it. */
export function startSteps({
  script,
  modInitFunction,
  childInitMethod,
  rank,
}: ChildSpec): readonly [StartStep, ...StartStep[]] {
  return [
    { code: 'ERR_SIPLET_SCRIPT_LOAD', subject: `the top level of ${script.fileName}`, entrance: 'load' },
    { code: 'ERR_SIPLET_MOD_INIT', subject: `${modInitFunction}()`, entrance: 'initModule' },
    { code: 'ERR_SIPLET_CHILD_INIT', subject: `${childInitMethod}(${rank})`, entrance: 'initChild' },
  ]
}

/** The step says itself why it failed. */
export function refused(step: StartStep, { code = step.code, message, stack }: InitResult): StartResult {
  return { ok: false, code, message, stack }
}

/** The step threw, or was ended. */
export function broken(
  { code, subject }: StartStep,
  { limits: { initTimeoutMs, memoryMb } }: ChildSpec,
  ending: Exclude<RunEnd, 'done'>,
  error: unknown,
): StartResult {
  const failure = (message: string, stack = '') => ({ ok: false, code, message, stack }) as const
  switch (ending) {
    case 'timeout':
      return failure(`${subject} ran longer than limits.initTimeoutMs (${initTimeoutMs} ms)`)
    case 'memory':
      return failure(`${subject} reached limits.memoryMb (${memoryMb} MiB)`)
    default:
      return error instanceof Error
        ? failure(`${subject} threw: ${error.message}`, error.stack)
        : failure(`${subject} threw: ${String(error)}`)
  }
}

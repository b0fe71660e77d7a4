/** The steps of the start of a child, and the errors of steps that fail. */
import type { ErrorCode } from '../../errors.ts'
import type { InitResult } from '../inside/outcome.ts'
import type { ChildSpec, RunEnd, StartResult } from './child-spec.ts'
import type { ScriptSide } from './script-side.ts'

export interface StartStep {
  /** Code of the error if the step fails. */
  code: ErrorCode
  /** Name of the step in messages. */
  subject: string
  entrance: keyof Pick<ScriptSide, 'load' | 'initModule' | 'initChild'>
}

/** Returns the steps in their order. The first step also stands for the preparation before it. */
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

/** Returns the result of a step that itself reported its failure. */
export function refused(step: StartStep, { code = step.code, message, stack }: InitResult): StartResult {
  return { ok: false, code, message, stack }
}

/** Returns the result of a step that threw, or that was ended. */
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

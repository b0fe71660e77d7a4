/** The interface of the script in an isolate, as the host uses it (isolate-child.ts), for every script language. */
import ivm from 'isolated-vm'
import type { InitResult } from '../inside/outcome.ts'
import type { ChildSpec, FunctionHost } from './child-spec.ts'
import { sliceMs } from './time-limits.ts'

export type RunReference = ivm.Reference<(wait: boolean, ...pieces: string[]) => void>

/** A call from the host into the isolate. Throws the errors of isolated-vm. */
export interface Entrance<Result> {
  /** Calls on the calling thread. */
  sync(): Result
  /** Calls on a thread of isolated-vm's pool. */
  async(): Promise<Result>
}

/** The steps of the start of a child, in their order. `load` also throws errors of the script. */
export interface ScriptSide {
  load: Entrance<InitResult>
  initModule: Entrance<InitResult>
  initChild: Entrance<InitResult>
  methods: Entrance<string[]>
  asyncMethods: Entrance<string[]>
  /** Number of bytes outside of V8's heap and its buffers. */
  otherBytes?: Entrance<number>
  /** Runs a batch. */
  run: RunReference
  /** The value that a run throws to signal a good end, if it does not simply return. */
  wellEndedThrow?: number
}

/** Returns the RunnerSetup of batch-runner.ts in the form that is passed into the isolate. */
export function setupArguments({ area, limits }: ChildSpec, functions: FunctionHost) {
  return [
    new ivm.ExternalCopy(area).copyInto({ release: true }),
    limits.maxResultBytes,
    sliceMs(limits.timeoutMs),
    limits.maxFunctionCalls,
    new ivm.Callback((call: string) => functions.direct(call)) as never,
    new ivm.Reference((call: string) => functions.waiting(call)),
  ] as const
}

/** Returns an entrance that calls a function of a prelude. Arguments and result are plain data. */
export function entrance<Result>(
  object: ivm.Reference<object>,
  name: string,
  args: readonly unknown[] = [],
): Entrance<Result> {
  const target = (object as ivm.Reference<Record<string, never>>).getSync(name, {
    reference: true,
  }) as ivm.Reference<(...args: unknown[]) => unknown>
  return {
    sync: () => target.applySync(undefined, args as never, { result: { copy: true } }) as Result,
    async: () => target.apply(undefined, args as never, { result: { copy: true } }) as Promise<Result>,
  }
}

/** The script's side of an isolate, seen from outside: what isolate/host/child.ts does with a script of any language. */
import ivm from 'isolated-vm'
import type { InitResult } from '../inside/outcome.ts'
import type { ChildSpec, FunctionHost } from './child.ts'
import { sliceMs } from './time-limits.ts'

export type RunReference = ivm.Reference<(wait: boolean, ...pieces: string[]) => void>

/** A way into the isolate. Throws what isolated-vm throws. */
export interface Entrance<Result> {
  /** On the calling thread. */
  sync(): Result
  /** On a thread of isolated-vm's pool. */
  async(): Promise<Result>
}

/** The steps of a child's start, in their order; `load` also throws what the script does. */
export interface ScriptSide {
  load: Entrance<InitResult>
  initModule: Entrance<InitResult>
  initChild: Entrance<InitResult>
  methods: Entrance<string[]>
  asyncMethods: Entrance<string[]>
  /** Bytes held beside V8's heap and its buffers. */
  otherBytes?: Entrance<number>
  /** Runs a batch. */
  run: RunReference
  /** What a run throws that ended well, where it does not simply return. */
  wellEndedThrow?: number
}

/** RunnerSetup of batch-runner.ts, as it crosses into the isolate. */
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

/** Calls a function of a prelude with plain data, and gets plain data. */
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

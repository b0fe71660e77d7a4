/** The script's side of an isolate, seen from outside: what isolate/child.ts does with a script of any language. */
import ivm from 'isolated-vm'
import type { ChildSpec, FunctionHost } from './child.ts'
import type { InitResult } from './outcome.ts'

export interface InitOptions {
  /** Milliseconds. */
  timeout: number
}

export type RunReference = ivm.Reference<(wait: boolean, ...pieces: string[]) => void>

/** The steps of a child's start, in their order. All throw what isolated-vm throws; `load` also what the script does. */
export interface ScriptSide {
  load(options: InitOptions): InitResult
  initModule(options: InitOptions): InitResult
  initChild(options: InitOptions): InitResult
  methods(options: InitOptions): string[]
  asyncMethods(options: InitOptions): string[]
  /** Runs a batch. */
  run: RunReference
}

/** The arguments of `setup` that both preludes have. */
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

/**
 * A batch takes no further message once it ran for a quarter of timeoutMs, and is cut off after five quarters:
 * so every message has at least its timeoutMs, and none more than 1.25 times that.
 */
export function sliceMs(timeoutMs: number): number {
  return Math.ceil(timeoutMs / 4)
}

/** Calls a function of a prelude with plain data, and gets plain data. */
export function callInside<T>(
  object: ivm.Reference<object>,
  name: string,
  args: unknown[],
  options: Partial<InitOptions> = {},
): T {
  const reference = (object as ivm.Reference<Record<string, never>>).getSync(name, { reference: true })
  return (reference as ivm.Reference<(...args: unknown[]) => unknown>).applySync(undefined, args as never, {
    ...options,
    result: { copy: true },
  }) as T
}

import type { EngineConfig } from '../config.ts'
import { maxCallLength } from '../functions/function-calls.ts'
import type { Functions } from '../functions/functions.ts'
import type { Inspector } from '../inspector/inspector.ts'
import type { Preludes } from '../isolate/host/bundle.ts'
import type { ChildSpec } from '../isolate/host/child-spec.ts'
import { setV8Flags } from '../isolate/host/v8-flags.ts'
import type { Bundle } from '../script/bundle.ts'
import { withInterpreter } from '../script/micropython-module.ts'
import { MAX_START_RESULT_BYTES } from '../wire/start-result.ts'
import { areaBytes, createVerdictArea } from '../wire/verdict.ts'
import type { Child } from './child.ts'
import type { Workers } from './idle-workers.ts'
import { InlineChild } from './inline-child.ts'
import { InspectedChild } from './inspected-child.ts'
import { poolCode } from './pool-code.ts'
import { PoolProcess } from './pool-process.ts'
import { ProcessChild } from './process-child.ts'
import { ThreadChild } from './thread-child.ts'

/** Maximum number of UTF-8 bytes per UTF-16 code unit. */
const BYTES_PER_CHARACTER = 3

/**
 * Generous estimates of resident memory, in MiB: a pool process without children, and a child without the data of its
 * script.
 */
const PROCESS_MB = 256
const CHILD_MB = 64
const INSPECTED_RANK = 1

/** Creates the children of the configured isolation, ranks 1 to N. They are not started yet. */
export async function createChildren(
  config: EngineConfig,
  script: Bundle,
  preludes: Preludes,
  functions: Functions,
  workers: Workers,
  inspector?: Inspector,
): Promise<Child[]> {
  const { callFunctionTimeoutMs, maxResultBytes, processHeapMb, processMemoryMb, memoryMb } = config.limits
  const specs = Array.from(
    { length: config.children },
    (_, index): ChildSpec => ({
      rank: index + 1,
      preludes,
      script: config.isolation === 'process' ? script : withInterpreter(script),
      modInitFunction: config.modInitFunction,
      childInitMethod: config.childInitMethod,
      limits: config.limits,
      area: createVerdictArea(maxResultBytes),
    }),
  )
  // In isolation `process`, the flags are set when the pool process starts, because this process runs no isolate.
  if (config.isolation !== 'process') setV8Flags()
  switch (config.isolation) {
    case 'inline':
      return specs.map((spec) =>
        inspector !== undefined && spec.rank === INSPECTED_RANK
          ? new InspectedChild(spec, functions, inspector)
          : new InlineChild(spec, functions),
      )
    case 'thread':
      return specs.map((spec) => new ThreadChild(spec, functions, callFunctionTimeoutMs, workers))
    case 'process': {
      const perChild = 2 * memoryMb + CHILD_MB
      const pool = new PoolProcess({
        code: await poolCode(),
        heapMb: processHeapMb,
        memoryMb: processMemoryMb ?? PROCESS_MB + config.children * perChild,
        ...config.process,
        maxPayload: maxFramePayload(config.limits),
      })
      return specs.map((spec) => new ProcessChild(spec, functions, callFunctionTimeoutMs, pool))
    }
  }
}

/** Maximum payload of a frame from the pool process: a STARTED or a CALL frame (wire/frame.ts). */
function maxFramePayload(limits: EngineConfig['limits']): number {
  const started = areaBytes(limits.maxResultBytes) + MAX_START_RESULT_BYTES
  return Math.max(started, BYTES_PER_CHARACTER * maxCallLength(limits))
}

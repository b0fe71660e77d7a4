/** V8 flags that time and memory limits need to end a loop. They apply to the whole process. */
import { setFlagsFromString } from 'node:v8'

/**
 * Optimised code of Node 26 loses the interrupt check of a loop when V8 unrolls the loop, for example in `for (;;)
 * list.push(new Array(1000))`. test/unit/engine/loops.test.ts fails without this flag. The flag does not change the
 * speed.
 */
export const V8_FLAGS = ['--no-turboshaft-loop-unrolling'] as const

/**
 * Sets the flags in this process. Code of the embedder that V8 has already compiled keeps its unrolled loops, but it
 * runs no script.
 */
export function setV8Flags(): void {
  for (const flag of V8_FLAGS) setFlagsFromString(flag)
}

/** Flags that V8 needs so that time and memory limits end a loop. They hold for the whole process. */
import { setFlagsFromString } from 'node:v8'

/**
 * Optimised code of Node 26 loses a loop's check for interrupts when V8 unrolls the loop, as in
 * `for (;;) list.push(new Array(1000))`. test/unit/engine/loops.test.ts fails without. Speed stays the same.
 */
export const V8_FLAGS = ['--no-turboshaft-loop-unrolling'] as const

/** Sets the flags in this process. Code of the embedder that is compiled already keeps its loops unrolled, and runs no script. */
export function setV8Flags(): void {
  for (const flag of V8_FLAGS) setFlagsFromString(flag)
}

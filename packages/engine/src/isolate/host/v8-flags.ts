/** Flags that V8 needs so that time and memory limits end a loop. They hold for the whole process. */
import { setFlagsFromString } from 'node:v8'

/**
 * The first flag: optimised code of Node 26 loses a loop's check for interrupts when V8 unrolls the loop, as in
 * `for (;;) list.push(new Array(1000))`. The second: while V8 compiles a function on another thread, a loop of that
 * function looks for interrupts only once in 2 ** 30 bytes of bytecode (InterruptBudgetFor in V8's tiering-manager.cc).
 * test/unit/engine/loops.test.ts fails without either. Steady speed stays the same; V8 compiles on the calling thread.
 */
export const V8_FLAGS = ['--no-turboshaft-loop-unrolling', '--no-concurrent-recompilation'] as const

/**
 * Sets the flags in this process. V8 reads the second one when an isolate is made: isolates of the embedder that exist
 * already keep compiling on other threads, and code compiled before keeps its loops unrolled. Neither runs scripts.
 */
export function setV8Flags(): void {
  for (const flag of V8_FLAGS) setFlagsFromString(flag)
}

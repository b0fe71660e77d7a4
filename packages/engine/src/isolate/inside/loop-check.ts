/**
 * The function that every loop of a script calls; see script/loop-checks.ts. It does nothing, but V8 looks for an
 * interrupt as it enters. Optimised code would take in a small function, and that look would be gone: this one has more
 * bytecode than V8 takes in (--max-inlined-bytecode-size, 460), of which nothing is ever run.
 */
const NEVER_RUN = 'x = x.y;'.repeat(200)

/** Text of a script that defines the function in the script's realm, where nothing can replace it. */
export function loopCheckSource(name: string): string {
  return `'use strict';Object.defineProperty(globalThis, '${name}', { value: ((x) => { if (x === undefined) return; ${NEVER_RUN} }) })`
}

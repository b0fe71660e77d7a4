/**
 * Text of the function that every loop of a script calls; see script/loop-checks.ts. It does nothing, but V8 looks for an
 * interrupt as it enters. Optimised code would take in a small function, and that look would be gone: this one has more
 * bytecode than V8 takes in (--max-inlined-bytecode-size, 460), of which nothing is ever run. It uses no name but its own.
 */
export const LOOP_CHECK = `(x) => { if (x === void 0) return; ${'x = x.y;'.repeat(200)} }`

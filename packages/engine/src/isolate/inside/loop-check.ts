/**
 * Text of the function that every loop of a script calls (script/loop-checks.ts). The function does nothing, but V8
 * checks for an interrupt when it enters the function. Optimised code would inline a small function and lose this
 * check. So this function has more bytecode than V8 inlines (--max-inlined-bytecode-size, 460), and none of it is
 * ever executed. It uses no name but its own.
 */
export const LOOP_CHECK = `(x) => { if (x === void 0) return; ${'x = x.y;'.repeat(200)} }`

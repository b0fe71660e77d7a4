/**
 * Pools memory that is shared with isolates and workers, so that later children can reuse it. V8 ignores such memory
 * when it decides to collect garbage: with occasional reloads, hundreds of MiB would stay uncollected.
 */

/** Maximum number of spare buffers of each size. Further buffers are left to the garbage collector. */
const MAX_SPARE = 32

const spare = new Map<number, SharedArrayBuffer[]>()

/** Returns a buffer. It may still contain data of its previous user. */
export function takeShared(bytes: number): SharedArrayBuffer {
  return spare.get(bytes)?.pop() ?? new SharedArrayBuffer(bytes)
}

/** Returns a buffer to the pool. No isolate and no worker may be able to write to it any more. */
export function giveBackShared(memory: SharedArrayBuffer): void {
  const list = spare.get(memory.byteLength)
  if (list === undefined) spare.set(memory.byteLength, [memory])
  else if (list.length < MAX_SPARE) list.push(memory)
}

/**
 * Memory shared with isolates and workers, used again by later children. V8 does not count it when it decides to collect
 * garbage: with a reload every now and then, hundreds of MiB would wait for that.
 */

/** Of each size; what is given back beyond that is left to the garbage collector. */
const MAX_SPARE = 32

const spare = new Map<number, SharedArrayBuffer[]>()

/** What stood in it before may still stand there. */
export function takeShared(bytes: number): SharedArrayBuffer {
  return spare.get(bytes)?.pop() ?? new SharedArrayBuffer(bytes)
}

/** To be called when no isolate and no worker can write to it any more. */
export function giveBackShared(memory: SharedArrayBuffer): void {
  const list = spare.get(memory.byteLength)
  if (list === undefined) spare.set(memory.byteLength, [memory])
  else if (list.length < MAX_SPARE) list.push(memory)
}

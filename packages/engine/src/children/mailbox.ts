/**
 * How a worker learns of a batch: it sleeps in Atomics.wait on numbers in shared memory, so that its wake-up is one
 * notify, with nothing serialised and no event loop in between. The way back is a message on the child's port, since
 * the engine's thread must not sleep; Atomics.waitAsync would be as fast, but in Node 26 loses wake-ups under garbage
 * collection.
 *
 *   i32 REQUEST   number of the batch that is to run; notified
 *   i32 LENGTH    bytes of the batch
 *   i32 COUNT     messages in it
 */
import type { RunEnd } from '../isolate/child.ts'

const REQUEST = 0
const LENGTH = 1
const COUNT = 2
const FIELDS = 3

/** The engine's side. */
export class Mailbox {
  readonly memory = new SharedArrayBuffer(FIELDS * Int32Array.BYTES_PER_ELEMENT)
  readonly #fields = new Int32Array(this.memory)

  /** Wakes the worker. */
  send(length: number, count: number): void {
    const fields = this.#fields
    fields[LENGTH] = length
    fields[COUNT] = count
    Atomics.add(fields, REQUEST, 1)
    Atomics.notify(fields, REQUEST)
  }
}

/** The worker's side: runs batch after batch, until one ends the child. Does not come back to the event loop before. */
export function serve(
  memory: SharedArrayBuffer,
  run: (length: number, count: number) => RunEnd,
  ended: (end: RunEnd) => void,
): void {
  const fields = new Int32Array(memory)
  for (let served = 0; ; ) {
    Atomics.wait(fields, REQUEST, served)
    const request = Atomics.load(fields, REQUEST)
    if (request === served) continue
    served = request
    const end = run(fields[LENGTH]!, fields[COUNT]!)
    ended(end)
    if (end !== 'done') return
  }
}

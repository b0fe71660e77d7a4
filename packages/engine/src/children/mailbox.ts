/**
 * How a worker learns of a batch, and the engine of its end. The worker sleeps in Atomics.wait on numbers in shared
 * memory, so that its wake-up is one notify, with nothing serialised and no event loop in between. The engine's thread
 * must not sleep: for the first moments after a short batch it looks for the end once in each turn of its event loop,
 * which on an idle machine saves the wake-up of a processor, most of what a lone exec takes; after that, the end comes
 * as a message on the child's port. Atomics.waitAsync would do for both, but in Node 26 loses wake-ups under garbage
 * collection.
 *
 *   i32 REQUEST   number of the batch that is to run; notified
 *   i32 LENGTH    bytes of the batch
 *   i32 COUNT     messages in it; none: the worker is to come back to its event loop
 *   i32 ENDED     number of the batch that ended, and was `done`
 *   i32 LOOKING   number of the batch whose end the engine looks for; whoever sets it back to 0 decides how it learns
 */
import type { RunEnd } from '../isolate/host/child.ts'

const REQUEST = 0
const LENGTH = 1
const COUNT = 2
const ENDED = 3
const LOOKING = 4
const FIELDS = 5

/** How long the engine looks for the end of a batch: milliseconds. */
const LOOK_MS = 0.05
/** A batch of more messages takes longer than that. */
const SHORT_BATCH = 8
/** After this many batches in a row that took longer, only every so many is looked for. */
const PATIENCE = 4
const LOOK_AGAIN = 64

/** The engine's side. */
export class Mailbox {
  readonly memory = new SharedArrayBuffer(FIELDS * Int32Array.BYTES_PER_ELEMENT)
  readonly #fields = new Int32Array(this.memory)
  #batch = 0
  #inVain = 0

  /**
   * Wakes the worker.
   *
   * @param done called where the end of the batch was found by looking
   * @param message called where it will come as a message instead
   */
  send(length: number, count: number, done: () => unknown, message: () => unknown): void {
    const fields = this.#fields
    const batch = ++this.#batch
    const look = count <= SHORT_BATCH && (this.#inVain < PATIENCE || batch % LOOK_AGAIN === 0)
    fields[LENGTH] = length
    fields[COUNT] = count
    Atomics.store(fields, LOOKING, look ? batch : 0)
    Atomics.store(fields, REQUEST, batch)
    Atomics.notify(fields, REQUEST)
    if (look) this.#look(batch, done, message)
    else message()
  }

  /** Lets the worker go back to its event loop. To be called when no batch is under way. */
  stop(): void {
    const fields = this.#fields
    fields[COUNT] = 0
    Atomics.store(fields, REQUEST, ++this.#batch)
    Atomics.notify(fields, REQUEST)
  }

  #look(batch: number, done: () => unknown, message: () => unknown): void {
    const fields = this.#fields
    const until = performance.now() + LOOK_MS
    const look = () => {
      if (Atomics.load(fields, ENDED) === batch) {
        this.#inVain = 0
        done()
      } else if (performance.now() < until) setImmediate(look)
      else {
        this.#inVain++
        // The worker may have ended the batch just now, in the belief that this is seen.
        if (Atomics.compareExchange(fields, LOOKING, batch, 0) === batch) message()
        else done()
      }
    }
    setImmediate(look)
  }
}

/**
 * The worker's side: runs batch after batch, until one ends the child or the engine stops it. Does not come back to the
 * event loop before.
 */
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
    if (fields[COUNT] === 0) return
    const end = run(fields[LENGTH]!, fields[COUNT]!)
    if (end !== 'done') {
      ended(end)
      return
    }
    // In this order: once the engine sees the end, LOOKING is for the next batch.
    if (Atomics.compareExchange(fields, LOOKING, request, 0) === request)
      Atomics.store(fields, ENDED, request)
    else ended(end)
  }
}

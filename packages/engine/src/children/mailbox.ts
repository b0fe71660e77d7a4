/**
 * Signals a batch to its worker, and the end of the batch to the engine.
 *
 * The worker sleeps in Atomics.wait on shared memory. One notify wakes it; nothing is serialised, and no event loop
 * is involved. The engine's thread must not sleep. For LOOK_MS after it sent a short batch, it looks for the end once
 * per turn of its event loop. On an idle machine, this saves the wake-up of a processor, which is most of the time of
 * a lone exec (`npm run bench lone`). After that time, the end arrives as a message on the child's port.
 * Atomics.waitAsync could replace both, but it loses wake-ups during garbage collection in Node 26.
 *
 *   i32 REQUEST   number of the batch to run; notified
 *   i32 LENGTH    bytes of the batch
 *   i32 COUNT     execs in the batch; 0 sends the worker back to its event loop
 *   i32 ENDED     number of the last batch that ended as `done`
 *   i32 LOOKING   number of the batch whose end the engine looks for; the side that resets it to 0 chooses between looking
 *                 (the worker) and a message (the engine)
 */
import type { RunEnd } from '../isolate/host/child-spec.ts'

const REQUEST = 0
const LENGTH = 1
const COUNT = 2
const ENDED = 3
const LOOKING = 4
const FIELDS = 5

/** Time that the engine looks for the end of a batch, in milliseconds. */
const LOOK_MS = 0.05
/** Maximum number of execs in a batch that the engine looks for. A larger batch takes longer than LOOK_MS. */
const SHORT_BATCH = 8
/**
 * After PATIENCE batches in a row that took longer than LOOK_MS, the engine looks only for every LOOK_AGAIN-th batch.
 */
const PATIENCE = 4
const LOOK_AGAIN = 64

/** The engine's side of the mailbox. */
export class Mailbox {
  readonly memory = new SharedArrayBuffer(FIELDS * Int32Array.BYTES_PER_ELEMENT)
  readonly #fields = new Int32Array(this.memory)
  #batch = 0
  #inVain = 0

  /**
   * Wakes the worker for a batch.
   *
   * @param done called if the engine found the end of the batch by looking
   * @param message called if the end will arrive as a message
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

  /** Sends the worker back to its event loop. Must be called while no batch is running. */
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
        // The worker may have ended the batch at this moment, and may rely on the engine's looking.
        if (Atomics.compareExchange(fields, LOOKING, batch, 0) === batch) message()
        else done()
      }
    }
    setImmediate(look)
  }
}

/**
 * The worker's side of the mailbox: runs one batch after another, until a batch ends the isolate or the engine calls
 * stop(). Does not return to the event loop before that.
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
    // The order matters: when the engine sees ENDED, LOOKING already belongs to the next batch.
    if (Atomics.compareExchange(fields, LOOKING, request, 0) === request)
      Atomics.store(fields, ENDED, request)
    else ended(end)
  }
}

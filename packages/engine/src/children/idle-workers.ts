/**
 * Keeps the worker threads of an engine that have no child at the moment. A reload gives the workers of the old
 * generation to the new one. A thread takes longer to start than an isolate. Without reuse, ended threads would leave
 * hundreds of MiB in the allocator after hundreds of reloads (`npm run reloads`).
 */
import { RankWorker } from './rank-worker.ts'
import { workerEnv } from './worker-env.ts'

export class Workers {
  readonly #maxVacant: number
  readonly #vacant: RankWorker[] = []
  #closed = false

  /** @param maxVacant maximum number of workers that are kept without a child */
  constructor(maxVacant: number) {
    this.#maxVacant = maxVacant
  }

  take(): RankWorker {
    return this.#vacant.pop() ?? new RankWorker(workerEnv())
  }

  /** Takes a worker back. Must be called while no batch is running. Resolves when the isolate is gone. */
  async giveBack(worker: RankWorker): Promise<void> {
    // A thread that ends also ends its isolate. Disposing of the isolate just before was seen to abort the process.
    const keep = !this.#closed && !worker.abandoned && this.#vacant.length < this.#maxVacant
    if (keep && (await worker.vacate())) this.#vacant.push(worker)
    else await worker.close()
  }

  /** Ends the vacant workers. Workers that are returned later are ended as well. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#vacant.splice(0).map((worker) => worker.close()))
  }
}

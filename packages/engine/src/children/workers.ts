/**
 * Worker threads of an engine that have no child at the moment. A reload gives its new children those of the generation
 * before: a thread takes longer to start than an isolate, and what ended threads leave behind in the allocator adds up
 * to hundreds of MiB over hundreds of reloads.
 */
import { RankWorker } from './rank-worker.ts'
import { workerEnv } from './worker-env.ts'

export class Workers {
  readonly #maxVacant: number
  readonly #vacant: RankWorker[] = []
  #closed = false

  /** @param maxVacant how many are kept without a child */
  constructor(maxVacant: number) {
    this.#maxVacant = maxVacant
  }

  take(): RankWorker {
    return this.#vacant.pop() ?? new RankWorker(workerEnv())
  }

  /** To be called when no batch is under way; resolves when the isolate is gone. */
  async giveBack(worker: RankWorker): Promise<void> {
    // A thread that is to end takes its isolate along: disposing of one just before has been seen to abort the process.
    const keep = !this.#closed && !worker.abandoned && this.#vacant.length < this.#maxVacant
    if (keep && (await worker.vacate())) this.#vacant.push(worker)
    else await worker.close()
  }

  /** Ends the vacant ones, and from now on those that are given back. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#vacant.splice(0).map((worker) => worker.close()))
  }
}

/**
 * Worker threads of an engine that have no child at the moment. A reload gives its new children those of the generation
 * before: a thread takes longer to start than an isolate, and what ended threads leave behind in the allocator adds up
 * to hundreds of MiB over hundreds of reloads.
 */
import { RankWorker } from './rank-worker.ts'

export class Workers {
  readonly #maxVacant: number
  readonly #vacant: RankWorker[] = []

  /** @param maxVacant how many are kept without a child */
  constructor(maxVacant: number) {
    this.#maxVacant = maxVacant
  }

  take(): RankWorker {
    return this.#vacant.pop() ?? new RankWorker()
  }

  /** To be called when no batch is under way; resolves when the isolate is gone. */
  async giveBack(worker: RankWorker): Promise<void> {
    if (this.#vacant.length < this.#maxVacant && (await worker.vacate())) this.#vacant.push(worker)
    else await worker.close()
  }

  /** Ends the vacant ones. */
  async close(): Promise<void> {
    await Promise.all(this.#vacant.splice(0).map((worker) => worker.close()))
  }
}

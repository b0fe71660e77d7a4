/**
 * Execs from within a function. While a function runs, the child whose script called it is held. An exec that waits
 * for a held child could wait forever. So a graph over the ranks records which child waits for which, and an exec
 * from within a function may only use a child from which no chain of waits leads back.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

export interface Hold {
  /** Runs the function or a part of it. Execs from within it are recognised. */
  run<T>(act: () => T): T
  /** Releases the child: the function has answered, or the caller no longer waits for it. */
  release(): void
}

export class Nesting {
  readonly #holder = new AsyncLocalStorage<{ rank: number; held: boolean }>()
  /** Maps each held rank to the ranks that its functions wait for, with the number of waiting execs. */
  readonly #waits = new Map<number, Map<number, number>>()

  /** Holds child `rank`, whose script calls a function, until `release` is called. */
  hold(rank: number): Hold {
    const holder = { rank, held: true }
    return {
      run: (act) => this.#holder.run(holder, act),
      release() {
        holder.held = false
      },
    }
  }

  /**
   * Rank of the child whose function the caller runs in; undefined outside of a function, or if the function has
   * answered.
   */
  get holder(): number | undefined {
    const holder = this.#holder.getStore()
    return holder?.held ? holder.rank : undefined
  }

  /** Returns whether an exec on `rank`, from within a function of `holder`, could never be answered. */
  wouldDeadlock(holder: number, rank: number): boolean {
    const seen = new Set<number>()
    const pending = [rank]
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      if (at === holder) return true
      if (seen.has(at)) continue
      seen.add(at)
      pending.push(...(this.#waits.get(at)?.keys() ?? []))
    }
    return false
  }

  /** Records that `holder` waits for `rank`. Returns a function that ends the wait. */
  wait(holder: number, rank: number): () => void {
    const ranks = this.#waits.get(holder) ?? new Map<number, number>()
    this.#waits.set(holder, ranks)
    ranks.set(rank, (ranks.get(rank) ?? 0) + 1)
    return () => {
      const left = ranks.get(rank)! - 1
      if (left > 0) ranks.set(rank, left)
      else ranks.delete(rank)
      if (ranks.size === 0) this.#waits.delete(holder)
    }
  }
}

/**
 * Execs from within a call_function. The child whose script called the function is held until the function
 * answers; an exec that waits for a held child could wait forever. Who waits for whom is a graph over the ranks:
 * an exec from within is allowed on a child from which no chain of waits leads back.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

export interface Hold {
  /** Runs (a part of) the function, so that execs from within it are known. */
  run<T>(act: () => T): T
  /** The function has answered, or nobody waits for it any more. */
  release(): void
}

export class Nesting {
  readonly #holder = new AsyncLocalStorage<{ rank: number; held: boolean }>()
  /** held rank → ranks that execs from within its functions wait for, with how many execs. */
  readonly #waits = new Map<number, Map<number, number>>()

  /** The script of child `rank` calls a function: the child is held until `release` is called. */
  hold(rank: number): Hold {
    const holder = { rank, held: true }
    return {
      run: (act) => this.#holder.run(holder, act),
      release() {
        holder.held = false
      },
    }
  }

  /** Rank of the child whose function the caller is in, if it is in one that has not answered yet. */
  get holder(): number | undefined {
    const holder = this.#holder.getStore()
    return holder?.held ? holder.rank : undefined
  }

  /** Whether an exec on `rank` from within a function of `holder` could never be answered. */
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

  /** Notes that `holder` waits for `rank`; call what it returns when it no longer does. */
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

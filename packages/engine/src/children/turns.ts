/**
 * Decides which child may run in the pool process: any number of children together, or one child alone. Turns are
 * given in the order of request. A child that must run alone waits for the running ones, and later requests wait for
 * that child.
 */
export class Turns {
  #running = 0
  #alone = false
  #waiting: { alone: boolean; go: (leave: () => void) => void }[] = []

  /**
   * Begins a turn. Returns a function that ends the turn: directly if the turn may begin now, otherwise as a promise.
   * The caller must call the function at least once.
   */
  enter(alone: boolean): (() => void) | Promise<() => void> {
    if (this.#waiting.length === 0 && this.#isFree(alone)) return this.#begin(alone)
    return new Promise((go) => {
      this.#waiting.push({ alone, go })
    })
  }

  #isFree(alone: boolean): boolean {
    return alone ? this.#running === 0 : !this.#alone
  }

  #begin(alone: boolean): () => void {
    this.#running++
    this.#alone = alone
    let over = false
    return () => {
      if (over) return
      over = true
      this.#running--
      this.#alone = false
      this.#next()
    }
  }

  #next(): void {
    while (this.#waiting.length > 0 && this.#isFree(this.#waiting[0]!.alone)) {
      const { alone, go } = this.#waiting.shift()!
      go(this.#begin(alone))
    }
  }
}

/**
 * Who may run in the pool process: any number at a time, or one alone. First come, first served, so that one who wants
 * to be alone waits for those who run, and those who come later wait for that one.
 */
export class Turns {
  #running = 0
  #alone = false
  #waiting: { alone: boolean; go: (leave: () => void) => void }[] = []

  /** Resolves to a function that ends the turn, to be called at least once; at once where nobody is in the way. */
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

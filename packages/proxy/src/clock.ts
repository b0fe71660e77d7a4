/** Time, as transactions and connections see it; tests bring a clock of their own. */
export interface Clock {
  /** Runs `act` once after `ms` milliseconds. Returns what stops it; stopping it later is harmless. */
  after(ms: number, act: () => void): () => void
}

export const systemClock: Clock = {
  after(ms, act) {
    const timer = setTimeout(act, ms)
    return () => clearTimeout(timer)
  },
}

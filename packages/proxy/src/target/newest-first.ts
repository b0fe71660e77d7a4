/**
 * Returns a function that runs `act` at most `limit` times in parallel. Waiting calls run newest first. If more than
 * `maxWaiting` wait, the oldest is rejected, because its caller has most likely given up. So a dead DNS server can
 * delay new look-ups only by those that already run.
 *
 * @throws Error with code EBUSY for a rejected call
 */
export function newestFirst<T>(
  limit: number,
  maxWaiting: number,
  act: (name: string) => Promise<T>,
): (name: string) => Promise<T> {
  let running = 0
  const waiting: { run(): void; reject(error: Error): void }[] = []
  return async (name) => {
    if (running < limit) running++
    else {
      await new Promise<void>((run, reject) => {
        waiting.push({ run, reject })
        if (waiting.length > maxWaiting) waiting.shift()!.reject(busy(maxWaiting))
      })
    }
    try {
      return await act(name)
    } finally {
      const next = waiting.pop()
      if (next === undefined) running--
      else next.run()
    }
  }
}

function busy(maxWaiting: number): Error {
  return Object.assign(new Error(`more than ${maxWaiting} look-ups of addresses wait`), { code: 'EBUSY' })
}

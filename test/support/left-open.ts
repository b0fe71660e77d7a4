/** Fails a test file that leaves a resource open which keeps its process alive, such as an engine or a socket. */
import { setTimeout as wait } from 'node:timers/promises'

/** Longest time that closing may take on a busy machine. */
const GRACE_MS = 30_000
/** Resources of mocha, and resources that end by themselves. */
const IGNORED = new Set(['Timeout', 'Immediate', 'PipeWrap', 'TTYWrap', 'FSReqPromise', 'FSReqCallback'])

let before: string[] = []

export const mochaHooks = {
  beforeAll(): void {
    before = openResources()
  },

  async afterAll(this: Mocha.Context): Promise<void> {
    this.timeout(2 * GRACE_MS)
    for (const end = performance.now() + GRACE_MS; ; await wait(50)) {
      const left = openResources()
      for (const resource of before) {
        const at = left.indexOf(resource)
        if (at >= 0) left.splice(at, 1)
      }
      if (left.length === 0) return
      if (performance.now() > end)
        throw new Error(
          `the tests of this file have ended, but these resources are still open: ${left.join(', ')}`,
        )
    }
  },
}

function openResources(): string[] {
  return process.getActiveResourcesInfo().filter((resource) => !IGNORED.has(resource))
}

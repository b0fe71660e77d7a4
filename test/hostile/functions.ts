/** Functions of an embedder, for scripts that attack through call_function. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { EmbedderFunction } from '@siplet/engine'

export const FUNCTIONS: Record<string, EmbedderFunction> = {
  one: () => 1,
  later: async () => {
    await sleep(1)
    return 2
  },
  never: () => new Promise<number>(() => {}),
  count: (_message, ...args) => args.length,
  /** Here, the edits of the script cross to the embedder and back. */
  edit: (message) => {
    message.appendHeader('X-Function', 'here')
    return 3
  },
  fails: () => {
    throw new Error('the function fails')
  },
  odd: () => 1.5,
  throwsBare: () => {
    throw Object.create(null)
  },
  rejectsBare: () => Promise.reject(Object.create(null)),
  throwsGetter: () => {
    throw {
      get message(): string {
        throw new Error('a getter')
      },
    }
  },
}

/** Chooses the child that runs an exec. */
import type { ChildQueue } from './child-queue.ts'

/**
 * Returns the child of a Call-ID. The same Call-ID always has the same child, so messages of one dialog keep their
 * order and find the state of their child. A message without a Call-ID goes to the shortest queue.
 */
export function byCallId(queues: readonly ChildQueue[], callId: string | null): ChildQueue {
  return callId === null ? shortest(queues)! : queues[hash(callId) % queues.length]!
}

/** Returns the queue with the fewest execs, waiting and running; undefined for an empty list. */
export function shortest(queues: readonly ChildQueue[]): ChildQueue | undefined {
  let best: ChildQueue | undefined
  for (const queue of queues) {
    if (best === undefined || queue.length < best.length) best = queue
  }
  return best
}

/** FNV-1a hash, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return value >>> 0
}

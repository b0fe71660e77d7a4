/** Which child an exec goes to. */
import type { ChildQueue } from './child-queue.ts'

/**
 * The child of a Call-ID: always the same one, so that messages of one dialog keep their order and find their
 * per-child state. Messages without a Call-ID go where the queue is shortest.
 */
export function byCallId(queues: readonly ChildQueue[], callId: string | null): ChildQueue {
  return callId === null ? shortest(queues)! : queues[hash(callId) % queues.length]!
}

/** The child with the fewest execs waiting or under way; undefined for an empty list. */
export function shortest(queues: readonly ChildQueue[]): ChildQueue | undefined {
  let best: ChildQueue | undefined
  for (const queue of queues) {
    if (best === undefined || queue.length < best.length) best = queue
  }
  return best
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return value >>> 0
}

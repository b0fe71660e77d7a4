/** What the four transactions of RFC 3261 section 17 work with. */
import type { Clock } from '../clock.ts'
import type { ProxyError } from '../errors.ts'
import type { Guard } from '../guard.ts'
import type { KeptMessages } from './kept-messages.ts'
import type { TimerValues } from './timer-values.ts'

/** Objects that a transaction uses. */
export interface Surroundings {
  readonly clock: Clock
  readonly timers: TimerValues
  readonly guard: Guard
  readonly kept: KeptMessages
  /** Called once in the terminated state, with the key of the transaction. */
  terminated(key: string): void
  /** Called for every message that is sent or received again. */
  retransmitted(): void
}

/**
 * Sends a message, as one-byte text, to the peer of a transaction. `failed` is called if the message is known not to
 * arrive.
 */
export type Send = (text: string, failed: (error: ProxyError) => void) => void

import type { SIPMessage } from '@siplet/sipmsg'
import type { Send } from './surroundings.ts'

/** The request of a client transaction, ready to be sent. */
export interface ClientRequest {
  readonly message: SIPMessage
  /** Whether the transport is reliable. Then nothing is retransmitted. */
  readonly reliable: boolean
  readonly send: Send
}

/**
 * The user of a client transaction. A final reply, timedOut and failed exclude each other. None of the methods throws.
 */
export interface ClientUser {
  readonly callId: string | null
  reply(reply: SIPMessage): void
  timedOut(): void
  failed(error: Error): void
}

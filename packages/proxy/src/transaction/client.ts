import type { SIPMessage } from '@siplet/sipmsg'
import type { Send } from './transaction.ts'

/** The request of a client transaction, ready to go out. */
export interface ClientRequest {
  readonly message: SIPMessage
  /** Whether the transport is reliable: nothing is retransmitted then. */
  readonly reliable: boolean
  readonly send: Send
}

/** Who a client transaction works for; a final reply, timedOut and failed exclude each other. None of them throws. */
export interface ClientUser {
  readonly callId: string | null
  reply(reply: SIPMessage): void
  timedOut(): void
  failed(error: Error): void
}

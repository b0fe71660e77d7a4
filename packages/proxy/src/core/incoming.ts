/** A received request, with everything that its handling needs to know. */
import { reply, type SIPMessage, type Via } from '@siplet/sipmsg'
import type { Owner } from '../guard.ts'
import type { ServerTransaction } from '../transaction/layer.ts'
import type { Flow } from '../transport/transport.ts'
import { loopHash } from './branch-id.ts'
import type { Routed } from './route-set.ts'

/** Something that relays a request. */
export interface Relaying {
  /** Ends every branch and sends no reply. */
  abandon(): void
}

export class IncomingRequest implements Owner {
  /** The message with `received` and `rport` noted, and without the Route headers that name this proxy. */
  readonly message: SIPMessage
  readonly via: Via
  readonly flow: Flow
  /** The route by which the request came here. */
  readonly routed: Routed
  /** The server transaction. Undefined for an ACK, and for a CANCEL without an INVITE. */
  transaction: ServerTransaction | undefined
  /** What relays the request, from the moment it is relayed; for an INVITE, from the start. */
  relaying: Relaying | undefined
  #loopHash: string | undefined
  #over: (() => void) | undefined

  constructor(message: SIPMessage, via: Via, flow: Flow, routed: Routed) {
    this.message = message
    this.via = via
    this.flow = flow
    this.routed = routed
  }

  get callId(): string | null {
    return this.message.callId
  }

  /** Marks the request as unfinished. `over` is called once, when the request is finished. */
  begin(over: () => void): void {
    this.#over = over
  }

  /** Marks the request as finished. */
  over(): void {
    const over = this.#over
    this.#over = undefined
    over?.()
  }

  /** Ends the request after a fault: ends its branches, and answers 500 if it has no final reply yet. */
  abandon(): void {
    try {
      this.relaying?.abandon()
    } finally {
      this.#answerFault()
    }
  }

  #answerFault(): void {
    const { transaction } = this
    try {
      if (transaction?.answered === false) transaction.reply(500, reply(this.message, 500).text)
    } catch (error) {
      transaction?.terminate()
      throw error
    } finally {
      this.over()
    }
  }

  get method(): string {
    return this.message.method!
  }

  get loopHash(): string {
    this.#loopHash ??= loopHash(this.message)
    return this.#loopHash
  }
}

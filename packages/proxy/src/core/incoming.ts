/** A request as it came in, with all that its handling needs to know. */
import { reply, type SIPMessage, type Via } from '@siplet/sipmsg'
import type { Owner } from '../guard.ts'
import type { ServerTransaction } from '../transaction/layer.ts'
import type { Flow } from '../transport/transport.ts'
import { loopHash } from './branch-id.ts'
import type { Routed } from './route-set.ts'

/** What relays a request. */
export interface Relaying {
  /** Ends every branch, and answers nothing. */
  abandon(): void
}

export class IncomingRequest implements Owner {
  /** With `received` and `rport` noted, and Route headers that point to us taken off. */
  readonly message: SIPMessage
  readonly via: Via
  readonly flow: Flow
  /** What led it here. */
  readonly routed: Routed
  /** The transaction; undefined for ACK, and for a CANCEL without an INVITE. */
  transaction: ServerTransaction | undefined
  /** Its branches, from when it is relayed on; of an INVITE from the begin. */
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

  /** It is under way from now on. `over` is called once, when nothing is left to wait for. */
  begin(over: () => void): void {
    this.#over = over
  }

  /** Nothing is left to wait for. */
  over(): void {
    const over = this.#over
    this.#over = undefined
    over?.()
  }

  /** After a fault: its branches end, and it is answered with 500 where it has no final reply yet. */
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

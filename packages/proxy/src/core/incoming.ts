/** A request as it came in, with all that its handling needs to know. */
import type { SIPMessage, Via } from '@siplet/sipmsg'
import type { ServerTransaction } from '../transaction/layer.ts'
import type { Flow } from '../transport/transport.ts'
import { loopHash } from './branch-id.ts'

export class IncomingRequest {
  /** With `received` and `rport` noted, and Route headers that point to us taken off. */
  readonly message: SIPMessage
  readonly via: Via
  readonly flow: Flow
  /** Whether a Route header led it here, or leads on: what loose_route tells. */
  readonly looseRouted: boolean
  /** The transaction; undefined for ACK, and for a CANCEL without an INVITE. */
  transaction: ServerTransaction | undefined
  #loopHash: string | undefined

  constructor(message: SIPMessage, via: Via, flow: Flow, looseRouted: boolean) {
    this.message = message
    this.via = via
    this.flow = flow
    this.looseRouted = looseRouted
  }

  get method(): string {
    return this.message.method!
  }

  get loopHash(): string {
    this.#loopHash ??= loopHash(this.message)
    return this.#loopHash
  }
}

/** The non-INVITE server transaction (RFC 3261 section 17.2.2). */
import { SIPMessage } from '@siplet/sipmsg'
import type { Owner } from '../guard.ts'
import type { MessageKeeper } from './kept-messages.ts'
import type { Send, Surroundings } from './surroundings.ts'
import { transactionTimeout } from './timer-values.ts'
import { Timers } from './timers.ts'

export class NonInviteServerTransaction implements Owner, MessageKeeper {
  #state: 'trying' | 'proceeding' | 'completed' | 'terminated' = 'trying'
  readonly #key: string
  readonly #reliable: boolean
  readonly #send: Send
  readonly #around: Surroundings
  readonly #timers: Timers
  #reply: string | undefined

  constructor(key: string, reliable: boolean, send: Send, around: Surroundings) {
    this.#key = key
    this.#reliable = reliable
    this.#send = send
    this.#around = around
    this.#timers = new Timers(around, 'transaction-timer', this)
  }

  get state() {
    return this.#state
  }

  /** Whether a final reply was sent, or none will be sent. */
  get answered(): boolean {
    return this.#state === 'completed' || this.#state === 'terminated'
  }

  get callId(): string | null {
    return this.#reply === undefined ? null : new SIPMessage(this.#reply).callId
  }

  /** Handles a retransmission of the request. It is not answered before the core has answered. */
  receiveRequest(): void {
    this.#around.retransmitted()
    if (this.#reply !== undefined && this.#state !== 'terminated') this.#send(this.#reply, () => {})
  }

  /** Sends a reply of the core, if the state allows it. Returns whether it was sent. */
  reply(status: number, text: string): boolean {
    if (this.#state === 'completed' || this.#state === 'terminated') return false
    this.#reply = text
    this.#send(text, () => {})
    if (status < 200) {
      this.#state = 'proceeding'
      return true
    }
    this.#state = 'completed'
    if (this.#reliable) this.#terminate()
    else {
      this.#around.kept.keep(this, text.length)
      this.#timers.start('J', transactionTimeout(this.#around.timers), () => this.#terminate())
    }
    return true
  }

  /** Ends the transaction without a reply: the request will not be answered, or was answered without state. */
  terminate(): void {
    this.#terminate()
  }

  forgetMessages(): void {
    this.#reply = undefined
  }

  /** Ends the transaction after a fault. Its timers run only after the final reply, so nobody waits. */
  abandon(): void {
    this.#terminate()
  }

  #terminate(): void {
    if (this.#state === 'terminated') return
    this.#state = 'terminated'
    this.#timers.stopAll()
    this.#around.kept.release(this)
    this.#around.terminated(this.#key)
  }
}

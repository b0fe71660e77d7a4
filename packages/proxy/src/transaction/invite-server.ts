/** The INVITE server transaction (RFC 3261 section 17.2.1, with the Accepted state of RFC 6026 section 7.1). */
import { SIPMessage } from '@siplet/sipmsg'
import type { Owner } from '../guard.ts'
import type { MessageKeeper } from './kept-messages.ts'
import type { Send, Surroundings } from './surroundings.ts'
import { transactionTimeout } from './timer-values.ts'
import { Timers } from './timers.ts'

export class InviteServerTransaction implements Owner, MessageKeeper {
  #state: 'proceeding' | 'completed' | 'confirmed' | 'accepted' | 'terminated' = 'proceeding'
  readonly #key: string
  readonly #reliable: boolean
  readonly #send: Send
  readonly #around: Surroundings
  readonly #timers: Timers
  /** The last reply, to answer retransmissions of the request. */
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
    return this.#state !== 'proceeding'
  }

  get callId(): string | null {
    return this.#reply === undefined ? null : new SIPMessage(this.#reply).callId
  }

  /** Handles a retransmission of the INVITE. */
  receiveRequest(): void {
    this.#around.retransmitted()
    // In Accepted, the UAS retransmits the 2xx end to end.
    if (this.#state === 'proceeding' || this.#state === 'completed') this.#sendAgain()
  }

  /** Handles the ACK to a reply of 300 and above. */
  receiveAck(): void {
    if (this.#state !== 'completed') return
    this.#state = 'confirmed'
    this.#timers.stopAll()
    this.#reply = undefined
    this.#around.kept.release(this)
    if (this.#reliable) this.#terminate()
    else this.#timers.start('I', this.#around.timers.t4, () => this.#terminate())
  }

  /** Sends a reply of the core, if the state allows it. Returns whether it was sent. */
  reply(status: number, text: string): boolean {
    if (this.#state === 'accepted' && status >= 200 && status < 300) {
      this.#send(text, () => {})
      return true
    }
    if (this.#state !== 'proceeding') return false
    if (status >= 200 && status < 300) {
      this.#accept()
      this.#send(text, () => {})
      return true
    }
    this.#reply = text
    if (status >= 300) this.#complete()
    this.#send(text, () => {})
    return true
  }

  /** Ends the transaction without a reply, for example if the reply was sent without state. */
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

  #complete(): void {
    this.#state = 'completed'
    this.#around.kept.keep(this, this.#reply!.length)
    if (!this.#reliable) this.#retransmitAfter(this.#around.timers.t1)
    this.#timers.start('H', transactionTimeout(this.#around.timers), () => this.#terminate())
  }

  #accept(): void {
    this.#state = 'accepted'
    this.#reply = undefined
    this.#timers.start('L', transactionTimeout(this.#around.timers), () => this.#terminate())
  }

  #sendAgain(): void {
    if (this.#reply !== undefined) this.#send(this.#reply, () => {})
  }

  /** Timer G: T1, then twice the time for each retransmission up to T2, until the ACK comes (section 17.2.1). */
  #retransmitAfter(ms: number): void {
    this.#timers.start('G', ms, () => {
      this.#around.retransmitted()
      this.#retransmitAfter(Math.min(ms * 2, this.#around.timers.t2))
      this.#sendAgain()
    })
  }

  #terminate(): void {
    if (this.#state === 'terminated') return
    this.#state = 'terminated'
    this.#timers.stopAll()
    this.#around.kept.release(this)
    this.#around.terminated(this.#key)
  }
}

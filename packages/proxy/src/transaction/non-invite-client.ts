/** The non-INVITE client transaction (RFC 3261 section 17.1.2). */
import type { SIPMessage } from '@siplet/sipmsg'
import type { Owner } from '../guard.ts'
import type { ClientRequest, ClientUser } from './client.ts'
import type { Surroundings } from './surroundings.ts'
import { transactionTimeout } from './timer-values.ts'
import { Timers } from './timers.ts'

export class NonInviteClientTransaction implements Owner {
  #state: 'trying' | 'proceeding' | 'completed' | 'terminated' = 'trying'
  readonly #key: string
  /** Both are null after a final reply. The rest of the object stays to absorb retransmitted replies. */
  #request: ClientRequest | null
  #user: ClientUser | null
  readonly #around: Surroundings
  readonly #timers: Timers

  constructor(key: string, request: ClientRequest, user: ClientUser, around: Surroundings) {
    this.#key = key
    this.#request = request
    this.#user = user
    this.#around = around
    this.#timers = new Timers(around, 'transaction-timer', this)
  }

  get state() {
    return this.#state
  }

  get callId(): string | null {
    return this.#user?.callId ?? null
  }

  start(): void {
    const { timers } = this.#around
    if (!this.#request!.reliable) this.#retransmitAfter(timers.t1)
    this.#timers.start('F', transactionTimeout(timers), () => {
      const user = this.#user
      this.#user = null
      this.#terminate()
      user?.timedOut()
    })
    this.#sendRequest()
  }

  receive(reply: SIPMessage): void {
    if (this.#state === 'completed') this.#around.retransmitted()
    if (this.#state === 'completed' || this.#state === 'terminated') return
    if (reply.status! < 200) {
      this.#state = 'proceeding'
      this.#user!.reply(reply)
      return
    }
    const user = this.#user!
    const { reliable } = this.#request!
    this.#state = 'completed'
    this.#request = null
    this.#timers.stopAll()
    if (reliable) this.#terminate()
    else this.#timers.start('K', this.#around.timers.t4, () => this.#terminate())
    this.#user = null
    user.reply(reply)
  }

  /** Ends the transaction without telling the user, who no longer waits. */
  terminate(): void {
    this.#terminate()
  }

  /** Ends the transaction after a fault. Tells the user that it failed, unless the user already heard of its end. */
  abandon(error: Error): void {
    const user = this.#user
    this.#user = null
    this.#terminate()
    user?.failed(error)
  }

  #sendRequest(): void {
    const { send, message } = this.#request!
    send(message.text, (error) => {
      if (this.#state !== 'trying' && this.#state !== 'proceeding') return
      this.abandon(error)
    })
  }

  /**
   * Timer E: T1, then twice the time for each retransmission up to T2. T2 at once after a provisional reply (section
   * 17.1.2.2).
   */
  #retransmitAfter(ms: number): void {
    this.#timers.start('E', ms, () => {
      const { t2 } = this.#around.timers
      this.#around.retransmitted()
      // Start the timer before sending: an immediate failure ends the transaction and its timers.
      this.#retransmitAfter(this.#state === 'proceeding' ? t2 : Math.min(ms * 2, t2))
      this.#sendRequest()
    })
  }

  #terminate(): void {
    if (this.#state === 'terminated') return
    this.#state = 'terminated'
    this.#timers.stopAll()
    this.#around.terminated(this.#key)
  }
}

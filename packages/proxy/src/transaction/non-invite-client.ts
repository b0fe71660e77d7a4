/** The non-INVITE client transaction (RFC 3261 section 17.1.2). */
import type { SIPMessage } from '@siplet/sipmsg'
import type { ClientRequest, ClientUser } from './client.ts'
import { transactionTimeout } from './timers.ts'
import { type Surroundings, Timers } from './transaction.ts'

export class NonInviteClientTransaction {
  #state: 'trying' | 'proceeding' | 'completed' | 'terminated' = 'trying'
  readonly #key: string
  /** Both until a final reply came: what stays after that takes up replies that come again. */
  #request: ClientRequest | null
  #user: ClientUser | null
  readonly #around: Surroundings
  readonly #timers: Timers

  constructor(key: string, request: ClientRequest, user: ClientUser, around: Surroundings) {
    this.#key = key
    this.#request = request
    this.#user = user
    this.#around = around
    this.#timers = new Timers(around.clock)
  }

  get state() {
    return this.#state
  }

  start(): void {
    const { timers } = this.#around
    if (!this.#request!.reliable) this.#retransmitAfter(timers.t1)
    this.#timers.start('F', transactionTimeout(timers), () => {
      this.#terminate()
      this.#user!.timedOut()
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
    this.#request = this.#user = null
    this.#timers.stopAll()
    if (reliable) this.#terminate()
    else this.#timers.start('K', this.#around.timers.t4, () => this.#terminate())
    user.reply(reply)
  }

  /** Ends it without a word: nobody waits for it any more. */
  terminate(): void {
    this.#terminate()
  }

  #sendRequest(): void {
    const { send, message } = this.#request!
    send(message.text, (error) => {
      if (this.#state !== 'trying' && this.#state !== 'proceeding') return
      this.#terminate()
      this.#user!.failed(error)
    })
  }

  /** Timer E: T1, then twice as long each time up to T2; T2 once a provisional reply came (section 17.1.2.2). */
  #retransmitAfter(ms: number): void {
    this.#timers.start('E', ms, () => {
      const { t2 } = this.#around.timers
      this.#around.retransmitted()
      this.#sendRequest()
      this.#retransmitAfter(this.#state === 'proceeding' ? t2 : Math.min(ms * 2, t2))
    })
  }

  #terminate(): void {
    if (this.#state === 'terminated') return
    this.#state = 'terminated'
    this.#timers.stopAll()
    this.#around.terminated(this.#key)
  }
}

/** The INVITE client transaction (RFC 3261 section 17.1.1, with the Accepted state of RFC 6026 section 7.2). */
import type { SIPMessage } from '@siplet/sipmsg'
import { ackFor } from './ack.ts'
import type { ClientRequest, ClientUser } from './client.ts'
import { timerD, transactionTimeout } from './timers.ts'
import { type Surroundings, Timers } from './transaction.ts'

export class InviteClientTransaction {
  #state: 'calling' | 'proceeding' | 'completed' | 'accepted' | 'terminated' = 'calling'
  readonly #key: string
  /** Until a 2xx came: nothing is sent any more then. */
  #request: ClientRequest | null
  readonly #user: ClientUser
  readonly #around: Surroundings
  readonly #timers: Timers
  #ack: string | undefined

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
    this.#timers.start('B', transactionTimeout(timers), () => {
      this.#terminate()
      this.#user.timedOut()
    })
    this.#sendRequest()
  }

  receive(reply: SIPMessage): void {
    const status = reply.status!
    switch (this.#state) {
      case 'calling':
      case 'proceeding':
        if (status < 200) this.#provisional(reply)
        else if (status < 300) this.#accept(reply)
        else this.#complete(reply)
        return
      case 'accepted':
        // Another 2xx, of another branch downstream or again: each is for the core (RFC 6026 section 7.2).
        if (status >= 200 && status < 300) this.#user.reply(reply)
        return
      case 'completed':
        if (status < 300) return
        this.#around.retransmitted()
        this.#request!.send(this.#ack!, (error) => this.#fail(error))
        return
      case 'terminated':
    }
  }

  /** Ends it without a word: nobody waits for it any more. */
  terminate(): void {
    this.#terminate()
  }

  #provisional(reply: SIPMessage): void {
    this.#state = 'proceeding'
    this.#timers.stopAll()
    this.#user.reply(reply)
  }

  #accept(reply: SIPMessage): void {
    this.#state = 'accepted'
    this.#request = null
    this.#timers.stopAll()
    this.#timers.start('M', transactionTimeout(this.#around.timers), () => this.#terminate())
    this.#user.reply(reply)
  }

  #complete(reply: SIPMessage): void {
    this.#state = 'completed'
    this.#timers.stopAll()
    const { message, send, reliable } = this.#request!
    this.#ack = ackFor(message, reply)
    send(this.#ack, (error) => this.#fail(error))
    if (reliable) this.#terminate()
    else this.#timers.start('D', timerD(this.#around.timers), () => this.#terminate())
    this.#user.reply(reply)
  }

  #sendRequest(): void {
    const { send, message } = this.#request!
    send(message.text, (error) => this.#fail(error))
  }

  /** Timer A: T1, then twice as long each time (section 17.1.1.2). */
  #retransmitAfter(ms: number): void {
    this.#timers.start('A', ms, () => {
      this.#around.retransmitted()
      this.#sendRequest()
      this.#retransmitAfter(ms * 2)
    })
  }

  #fail(error: Error): void {
    if (this.#state !== 'calling' && this.#state !== 'proceeding') return
    this.#terminate()
    this.#user.failed(error)
  }

  #terminate(): void {
    if (this.#state === 'terminated') return
    this.#state = 'terminated'
    this.#timers.stopAll()
    this.#around.terminated(this.#key)
  }
}

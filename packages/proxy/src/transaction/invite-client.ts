/** The INVITE client transaction (RFC 3261 section 17.1.1, with the Accepted state of RFC 6026 section 7.2). */
import type { SIPMessage } from '@siplet/sipmsg'
import type { Owner } from '../guard.ts'
import { ackFor } from './ack.ts'
import type { ClientRequest, ClientUser } from './client.ts'
import type { MessageKeeper } from './kept-messages.ts'
import type { Send, Surroundings } from './surroundings.ts'
import { timerD, transactionTimeout } from './timer-values.ts'
import { Timers } from './timers.ts'

export class InviteClientTransaction implements Owner, MessageKeeper {
  #state: 'calling' | 'proceeding' | 'completed' | 'accepted' | 'terminated' = 'calling'
  readonly #key: string
  /** Null after a final reply: the INVITE is not sent again. */
  #request: ClientRequest | null
  /** Null if nobody needs to hear of further replies. The user keeps the received request in memory. */
  #user: ClientUser | null
  readonly #around: Surroundings
  readonly #timers: Timers
  /** Sends the ACK to a reply of 300 and above. Called again for each retransmission of that reply. */
  #sendAck: (() => void) | undefined
  /** Whether the user was told of the end of the transaction. */
  #told = false

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
    this.#timers.start('B', transactionTimeout(timers), () => this.#timedOut())
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
        // A 2xx of another branch downstream, or a retransmitted one: each goes to the core (RFC 6026 section 7.2).
        if (status >= 200 && status < 300) this.#user?.reply(reply)
        return
      case 'completed':
        if (status < 300) return
        this.#around.retransmitted()
        this.#sendAck?.()
        return
      case 'terminated':
    }
  }

  /** Ends the transaction without telling the user, who no longer waits. */
  terminate(): void {
    this.#terminate()
  }

  /** Ends the transaction after a fault. Tells the user that it failed, unless the user already heard of its end. */
  abandon(error: Error): void {
    this.#terminate()
    this.#tellEnd((user) => user.failed(error))
  }

  /**
   * Starts a timer after a CANCEL was sent: if the peer does not end the INVITE within 64*T1, the transaction gives up
   * (section 9.1).
   */
  cancelled(): void {
    if (this.#state !== 'calling' && this.#state !== 'proceeding') return
    this.#timers.start('cancelled', transactionTimeout(this.#around.timers), () => this.#timedOut())
  }

  #provisional(reply: SIPMessage): void {
    this.#state = 'proceeding'
    this.#timers.stop('A')
    this.#timers.stop('B')
    this.#user?.reply(reply)
  }

  #accept(reply: SIPMessage): void {
    this.#state = 'accepted'
    const { length } = this.#request!.message.text
    this.#request = null
    this.#timers.stopAll()
    this.#timers.start('M', transactionTimeout(this.#around.timers), () => this.#terminate())
    this.#tellEnd((user) => user.reply(reply))
    // The user may have terminated the transaction inside this call.
    if (this.state === 'accepted') this.#around.kept.keep(this, length)
  }

  #complete(reply: SIPMessage): void {
    this.#state = 'completed'
    this.#timers.stopAll()
    const { message, send, reliable } = this.#request!
    this.#request = null
    const ack = ackFor(message, reply)
    this.#acknowledge(ack, send)
    if (reliable) this.#terminate()
    else {
      this.#around.kept.keep(this, ack.length)
      this.#timers.start('D', timerD(this.#around.timers), () => this.#terminate())
    }
    this.#tellEnd((user) => user.reply(reply))
  }

  #sendRequest(): void {
    const { send, message } = this.#request!
    send(message.text, (error) => this.#fail(error))
  }

  /** Timer A: T1, then twice the time for each retransmission (section 17.1.1.2). */
  #retransmitAfter(ms: number): void {
    this.#timers.start('A', ms, () => {
      this.#around.retransmitted()
      // Start the timer before sending: an immediate failure ends the transaction and its timers.
      this.#retransmitAfter(ms * 2)
      this.#sendRequest()
    })
  }

  #fail(error: Error): void {
    if (this.#state !== 'calling' && this.#state !== 'proceeding') return
    this.#terminate()
    this.#tellEnd((user) => user.failed(error))
  }

  #timedOut(): void {
    this.#terminate()
    this.#tellEnd((user) => user.timedOut())
  }

  #tellEnd(tell: (user: ClientUser) => void): void {
    if (this.#told) return
    this.#told = true
    tell(this.#user!)
    // Further replies reach the user only after a 2xx.
    if (this.#state !== 'accepted') this.#user = null
  }

  /** A function of its own, so that the closure does not keep the INVITE in memory. */
  #acknowledge(ack: string, send: Send): void {
    this.#sendAck = () => send(ack, () => {})
    this.#sendAck()
  }

  /** Forgets the ACK. After a 2xx, also forgets the user, who keeps the received request in memory. */
  forgetMessages(): void {
    this.#user = null
    this.#sendAck = undefined
  }

  #terminate(): void {
    if (this.#state === 'terminated') return
    this.#state = 'terminated'
    this.#timers.stopAll()
    this.#around.kept.release(this)
    this.#around.terminated(this.#key)
  }
}

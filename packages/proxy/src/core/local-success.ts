/**
 * 2xx replies that the script itself sends to an INVITE. The proxy is then the UAS: over any transport, it sends the
 * 2xx again until the ACK comes (RFC 3261 section 13.3.1.4). No transaction does this.
 */
import type { SIPMessage } from '@siplet/sipmsg'
import type { Clock } from '../clock.ts'
import type { Guard } from '../guard.ts'
import type { KeptMessages, MessageKeeper } from '../transaction/kept-messages.ts'
import { type TimerValues, transactionTimeout } from '../transaction/timer-values.ts'
import { Timers } from '../transaction/timers.ts'

/** One 2xx, until it is forgotten. */
interface Success extends MessageKeeper {
  readonly timers: Timers
  /** Whether its ACK has come. Retransmitted ACKs are consumed as well. */
  acknowledged: boolean
}

export class LocalSuccesses {
  readonly #clock: Clock
  readonly #values: TimerValues
  readonly #guard: Guard
  readonly #kept: KeptMessages
  /**
   * The replies, for as long as an INVITE transaction lasts. The key is made of what an ACK has in common with its 2xx.
   */
  readonly #waiting = new Map<string, Success>()

  constructor(clock: Clock, values: TimerValues, guard: Guard, kept: KeptMessages) {
    this.#kept = kept
    this.#clock = clock
    this.#values = values
    this.#guard = guard
  }

  /** Number of replies that are not forgotten yet. */
  get size(): number {
    return this.#waiting.size
  }

  /** Takes over a 2xx that was sent once. `send` sends it again. */
  add(success: SIPMessage, send: () => void): void {
    const key = keyOf(success)
    this.#waiting.get(key)?.forgetMessages()
    const around = { clock: this.#clock, guard: this.#guard }
    const forget = () => this.#forget(key)
    const timers = new Timers(around, 'transaction-timer', { callId: success.callId, abandon: forget })
    const waiting: Success = { timers, acknowledged: false, forgetMessages: forget }
    this.#waiting.set(key, waiting)
    timers.start('L', transactionTimeout(this.#values), forget)
    this.#sendAfter(this.#values.t1, timers, send)
    this.#kept.keep(waiting, success.text.length + key.length)
  }

  #forget(key: string): void {
    const success = this.#waiting.get(key)
    if (success === undefined) return
    success.timers.stopAll()
    this.#waiting.delete(key)
    this.#kept.release(success)
  }

  /** Returns whether an ACK is for one of these replies. Such an ACK is not forwarded. */
  acknowledged(ack: SIPMessage): boolean {
    if (this.#waiting.size === 0) return false
    const success = this.#waiting.get(keyOf(ack))
    if (success === undefined) return false
    if (!success.acknowledged) success.timers.stop('G')
    success.acknowledged = true
    return true
  }

  close(): void {
    for (const key of this.#waiting.keys()) this.#forget(key)
  }

  /** Sends again after T1, then after twice the time, up to T2. */
  #sendAfter(ms: number, timers: Timers, send: () => void): void {
    timers.start('G', ms, () => {
      send()
      this.#sendAfter(Math.min(ms * 2, this.#values.t2), timers, send)
    })
  }
}

function keyOf({ callId, fromTag, toTag, cseqNumber }: SIPMessage): string {
  return JSON.stringify([callId, fromTag, toTag, cseqNumber])
}

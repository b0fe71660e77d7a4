/** One connection (RFC 3261 section 18, RFC 5626 keep-alives): turns bytes into messages and enforces the limits. */
import { type Address, printable } from '@siplet/engine'
import { type Frame, SIPMessage } from '@siplet/sipmsg'
import type { Clock } from '../clock.ts'
import { debugConnection } from '../debug.ts'
import { ProxyError } from '../errors.ts'
import type { Guard, Owner } from '../guard.ts'
import type { ConnectionLimits } from './limits.ts'
import { type DropReason, dropReason, type Flow, type Receiver, type TransportName } from './transport.ts'

/** What a connection writes to: a socket or a WebSocket. */
export interface Wire {
  readonly bufferedBytes: number
  /** Writes one-byte text. */
  write(text: string, done: (error?: Error | null) => void): void
  /** Closes the wire after everything written has been sent. */
  end(): void
}

const PONG = '\r\n'

export interface ConnectionOptions {
  transport: TransportName
  local: Address
  remote: Address
  sentBy: string
  limits: ConnectionLimits
  clock: Clock
  receiver: Receiver
  guard: Guard
  /** Ends the socket at once, connected or not. */
  destroy: () => void
  /** Called once, when the connection is closed. */
  closed: (connection: Connection) => void
}

export class Connection implements Flow, Owner {
  /** Null, because a connection carries many calls. */
  readonly callId = null
  readonly transport: TransportName
  readonly local: Address
  readonly remote: Address
  readonly sentBy: string
  readonly #options: ConnectionOptions
  readonly #failures = new Set<(error: ProxyError) => void>()
  #wire: Wire | undefined
  /** Messages that wait for the connection to be established. */
  #early: { text: string; failed: (error: ProxyError) => void }[] = []
  #earlyBytes = 0
  #stopMessageTimer: (() => void) | undefined
  #stopReaderTimer: (() => void) | undefined
  /** Whether any write completed since the reader timer started. */
  #written = false
  #stopIdleTimer: () => void
  #active = false
  #open = true

  constructor(options: ConnectionOptions, wire?: Wire) {
    this.#options = options
    this.transport = options.transport
    this.local = options.local
    this.remote = options.remote
    this.sentBy = options.sentBy
    this.#wire = wire
    this.#stopIdleTimer = this.#idleTimer()
  }

  get open(): boolean {
    return this.#open
  }

  /** Sends the waiting messages. Called when the connection is established. */
  connected(wire: Wire): void {
    debugConnection(`${this.transport} ${this.remote.join(' port ')}: established`)
    if (!this.#open) return
    this.#wire = wire
    for (const { text, failed } of this.#early) this.#write(wire, text, failed)
    this.#early = []
    this.#earlyBytes = 0
  }

  send(text: string, failed: (error: ProxyError) => void): void {
    if (!this.#open) {
      failed(this.#error('it is closed'))
      return
    }
    this.#active = true
    const waiting = this.#wire?.bufferedBytes ?? this.#earlyBytes
    if (waiting > this.#options.limits.maxSendBufferBytes) {
      failed(this.#error(`${waiting} bytes wait for the peer to read`))
      this.#awaitReader()
    } else if (this.#wire !== undefined) {
      this.#write(this.#wire, text, failed)
    } else {
      this.#early.push({ text, failed })
      this.#earlyBytes += text.length
    }
  }

  /**
   * Starts a timer that closes the connection if the peer reads nothing for messageTimeoutMs. Until then, only messages
   * beyond the bound fail, because a burst of one caller must not end a connection that others share.
   */
  #awaitReader(): void {
    if (this.#stopReaderTimer !== undefined) return
    const { clock, limits, guard } = this.#options
    this.#written = false
    this.#stopReaderTimer = clock.after(limits.messageTimeoutMs, () =>
      guard.run('message-timer', this, () => {
        this.#stopReaderTimer = undefined
        if (!this.#written) this.drop('slow-reader')
      }),
    )
  }

  /** Handles received frames. `partial` says whether the start of a further message has been received. */
  received(frames: readonly Frame[], partial: boolean): void {
    this.#active = true
    // All pongs in one write: a peer may send nothing but line ends.
    const pings = frames.filter(({ type }) => type === 'ping').length
    if (pings > 0) this.send(PONG.repeat(pings), () => {})
    for (const frame of frames) {
      if (!this.#open) return
      if (frame.type === 'ping') continue
      if (frame.type === 'message') {
        this.#options.receiver.message(new SIPMessage(frame.bytes), this)
      } else {
        const reason = dropReason(frame.error)
        if (frame.head?.isRequest === true) this.#refuse(frame.head, reason)
        else this.drop(reason)
        return
      }
    }
    if (!partial || frames.length > 0) this.#endMessageTimer()
    if (partial && this.#open) {
      const { clock, limits, guard } = this.#options
      this.#stopMessageTimer ??= clock.after(limits.messageTimeoutMs, () =>
        guard.run('message-timer', this, () => this.drop('incomplete')),
      )
    }
  }

  /** Handles a keep-alive of the peer. `pong` sends the answer. */
  pinged(pong: () => void): void {
    this.#active = true
    if ((this.#wire?.bufferedBytes ?? 0) > this.#options.limits.maxSendBufferBytes) this.drop('slow-reader')
    else pong()
  }

  /** Closes the connection for a reason of ours. */
  drop(reason: DropReason): void {
    if (!this.#open) return
    this.#options.receiver.dropped(reason, this.remote)
    this.end(reason)
  }

  /**
   * Has the request answered, then closes the connection. The end of the request's body is unknown, so nothing after it
   * can be read.
   */
  #refuse(head: SIPMessage, reason: DropReason): void {
    const { receiver, clock, limits, guard, destroy } = this.#options
    receiver.refused(head, reason === 'body-too-large' ? 413 : 400, this)
    if (!this.#open || this.#wire === undefined) return
    receiver.dropped(reason, this.remote)
    const wire = this.#wire
    // If the socket were destroyed at once with unread bytes, the kernel might reset the connection, and the answer
    // would be lost.
    clock.after(limits.connectTimeoutMs, () => guard.run('connect-timer', null, destroy))
    this.#close(reason)
    wire.end()
  }

  /** Closes the connection. Messages that were not sent yet fail. */
  end(reason: string): void {
    if (!this.#open) return
    this.#close(reason)
    this.#options.destroy()
  }

  #close(reason: string): void {
    debugConnection(`${this.transport} ${this.remote.join(' port ')}: closed: ${printable(reason)}`)
    this.#open = false
    this.#endMessageTimer()
    this.#stopReaderTimer?.()
    this.#stopIdleTimer()
    const error = this.#error(reason)
    const waiting = [...this.#early.map(({ failed }) => failed), ...this.#failures]
    this.#early = []
    this.#failures.clear()
    const { closed, guard } = this.#options
    closed(this)
    for (const failed of waiting) guard.run('send-failed', null, () => failed(error))
  }

  /** Called after a fault. */
  abandon(): void {
    this.end('a fault of the proxy')
  }

  #write(wire: Wire, text: string, failed: (error: ProxyError) => void): void {
    this.#failures.add(failed)
    wire.write(text, (error) =>
      this.#options.guard.run('stream-written', this, () => {
        this.#written = true
        if (this.#failures.delete(failed) && error) failed(this.#error(error.message))
      }),
    )
  }

  /** One timer per period instead of one per message: when it fires, it checks whether anything was received. */
  #idleTimer(): () => void {
    const { clock, limits, guard } = this.#options
    return clock.after(limits.idleTimeoutMs, () =>
      guard.run('idle-timer', this, () => {
        if (!this.#active) return this.drop('idle')
        this.#active = false
        this.#stopIdleTimer = this.#idleTimer()
      }),
    )
  }

  #endMessageTimer(): void {
    this.#stopMessageTimer?.()
    this.#stopMessageTimer = undefined
  }

  #error(reason: string): ProxyError {
    const [ip, port] = this.remote
    return new ProxyError('ERR_SIPLET_PROXY_SEND', `${this.transport} to ${ip} port ${port}: ${reason}`)
  }
}

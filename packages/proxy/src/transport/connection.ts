/** One connection (RFC 3261 section 18, RFC 5626 keep-alives): bytes in, messages out, limits on both. */
import type { Address } from '@siplet/engine'
import { type Frame, SIPMessage } from '@siplet/sipmsg'
import type { Clock } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import type { Guard, Owner } from '../guard.ts'
import type { ConnectionLimits } from './limits.ts'
import { type DropReason, dropReason, type Flow, type Receiver, type TransportName } from './transport.ts'

/** What a connection writes to: a socket, or a WebSocket. */
export interface Wire {
  readonly bufferedBytes: number
  /** One-byte text. */
  write(text: string, done: (error?: Error | null) => void): void
  /** Ends when everything that was written is with the peer. */
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
  /** Called once, when it is gone. */
  closed: (connection: Connection) => void
}

export class Connection implements Flow, Owner {
  /** It carries many calls. */
  readonly callId = null
  readonly transport: TransportName
  readonly local: Address
  readonly remote: Address
  readonly sentBy: string
  readonly #options: ConnectionOptions
  readonly #failures = new Set<(error: ProxyError) => void>()
  #wire: Wire | undefined
  /** What is sent before the connection is there. */
  #early: { text: string; failed: (error: ProxyError) => void }[] = []
  #earlyBytes = 0
  #stopMessageTimer: (() => void) | undefined
  #stopReaderTimer: (() => void) | undefined
  /** Whether anything was handed to the system since the reader timer started. */
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

  /** The connection is made: what waited goes out. */
  connected(wire: Wire): void {
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
   * Ends the connection if the peer reads nothing for messageTimeoutMs. Until then, only messages beyond the bound are lost:
   * a burst from one caller must not end a connection that others share.
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

  /** Frames that arrived; `partial` where a message has begun and not ended. */
  received(frames: readonly Frame[], partial: boolean): void {
    this.#active = true
    // All in one write: a peer may send nothing but line ends.
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

  /** The peer asks whether it is still there; `pong` answers. */
  pinged(pong: () => void): void {
    this.#active = true
    if ((this.#wire?.bufferedBytes ?? 0) > this.#options.limits.maxSendBufferBytes) this.drop('slow-reader')
    else pong()
  }

  /** Ends it for a reason of ours. */
  drop(reason: DropReason): void {
    if (!this.#open) return
    this.#options.receiver.dropped(reason, this.remote)
    this.end(reason)
  }

  /** Has a request answered whose body has no end that is known, then closes: nothing after it can be read. */
  #refuse(head: SIPMessage, reason: DropReason): void {
    const { receiver, clock, limits, guard, destroy } = this.#options
    receiver.refused(head, reason === 'body-too-large' ? 413 : 400, this)
    if (!this.#open || this.#wire === undefined) return
    receiver.dropped(reason, this.remote)
    const wire = this.#wire
    // Destroyed at once, with bytes unread, the kernel may reset the connection and the answer with it.
    clock.after(limits.connectTimeoutMs, () => guard.run('connect-timer', null, destroy))
    this.#close(reason)
    wire.end()
  }

  /** It is over, by either side; what was not sent yet has failed. */
  end(reason: string): void {
    if (!this.#open) return
    this.#close(reason)
    this.#options.destroy()
  }

  #close(reason: string): void {
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

  /** After a fault. */
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

  /** One timer a period, not one a message: what came in between counts when it is due. */
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

/**
 * Entry point for received messages. A message goes to its transaction first, and otherwise to the proxy core (RFC 3261
 * section 16).
 */
import { REASONS, reply, SIPMessage, SIPMessageError, type URI, type Via } from '@siplet/sipmsg'
import type { Owner } from '../guard.ts'
import type { RequestDecision } from '../script/scripts.ts'
import type { InviteServerTransaction } from '../transaction/invite-server.ts'
import { serverKey } from '../transaction/key.ts'
import { noteReceived } from '../transport/received.ts'
import { type DropReason, type Flow, isReliable, type Receiver } from '../transport/transport.ts'
import { hasLooped } from './branch-id.ts'
import { checkHops, checkSyntax, type Refusal } from './checks.ts'
import { IncomingRequest } from './incoming.ts'
import { LocalSuccesses } from './local-success.ts'
import { ResponseContext } from './response-context.ts'
import { preprocessRoute } from './route-set.ts'
import type { Services } from './services.ts'
import { Stateless } from './stateless.ts'

/** Requests within dialogs are accepted up to this multiple of maxUnfinished. */
const WITH_DIALOGS = 2

/** A received request, until the core knows who handles it. */
class ReceivedRequest implements Owner {
  readonly message: SIPMessage
  readonly flow: Flow
  readonly #stateless: Stateless
  via: Via | null = null
  /** True if nothing is left to answer, or if somebody else answers. */
  answered = false
  /** Set when the request is routed. */
  request: IncomingRequest | undefined

  constructor(message: SIPMessage, flow: Flow, stateless: Stateless) {
    this.message = message
    this.flow = flow
    this.#stateless = stateless
  }

  get callId(): string | null {
    return this.message.callId
  }

  abandon(): void {
    if (this.request !== undefined) this.request.abandon()
    else if (!this.answered && this.via !== null) {
      this.#stateless.reply(this.message, this.via, this.flow, { status: 500 })
    }
  }
}

class ReceivedReply implements Owner {
  readonly #message: SIPMessage

  constructor(message: SIPMessage) {
    this.#message = message
  }

  get callId(): string | null {
    return this.#message.callId
  }

  /** Nobody waits: the response context has its own timers. */
  abandon(): void {}
}

export class Core implements Receiver {
  readonly #services: Services
  readonly #stateless: Stateless
  readonly #successes: LocalSuccesses
  /** Response contexts by INVITE server transaction, to find the context of a CANCEL. */
  readonly #contexts = new Map<unknown, ResponseContext>()
  #unfinished = 0
  /** Bytes of the unfinished requests, as received. */
  #unfinishedBytes = 0
  #draining = false

  constructor(services: Services) {
    this.#services = services
    this.#stateless = new Stateless(services)
    const { clock, config, guard, transactions } = services
    this.#successes = new LocalSuccesses(clock, config.timers, guard, transactions.kept)
  }

  /** Stops all timers of the core. */
  close(): void {
    this.#successes.close()
  }

  /** Number of requests that have no final reply yet. */
  get unfinished(): number {
    return this.#unfinished
  }

  /** Number of INVITEs that have no final reply yet. */
  get contexts(): number {
    return this.#contexts.size
  }

  /** Refuses new requests with 503 from now on. Requests in progress continue. */
  drain(): void {
    this.#draining = true
  }

  /** Handles a received message. Never throws: no message may end the proxy, even if the proxy itself has a fault. */
  message(message: SIPMessage, flow: Flow): void {
    if (message.isRequest) {
      const received = new ReceivedRequest(message, flow, this.#stateless)
      this.#services.guard.run('request', received, () => this.#request(received))
    } else this.#services.guard.run('reply', new ReceivedReply(message), () => this.#reply(message))
  }

  refused(head: SIPMessage, status: 400 | 413, flow: Flow): void {
    const received = new ReceivedRequest(head, flow, this.#stateless)
    this.#services.guard.run('request', received, () => {
      this.#services.metrics.received(head.method!)
      const asSent = head.topVia
      if (asSent === null) return
      received.via = noteReceived(head, asSent, flow) ? head.topVia! : asSent
      received.answered = true
      const reason = status === 400 ? { reason: 'Bad Request: Content-Length' } : {}
      this.#refuse(head, received.via, flow, { status, ...reason })
    })
  }

  dropped(reason: DropReason): void {
    this.#services.metrics.dropped(reason)
  }

  #request(owner: ReceivedRequest): void {
    const { metrics, transactions } = this.#services
    const { message: received, flow } = owner
    const method = received.method!
    metrics.received(method)
    const asSent = received.topVia
    if (asSent === null) {
      metrics.dropped('no-via')
      return
    }
    owner.via = asSent
    const via = this.#noted(received, asSent, flow)
    if (via === null) {
      this.#refuse(received, asSent, flow, { status: 400, reason: 'Bad Via' })
      owner.answered = true
      return
    }
    owner.via = via
    const key = serverKey(received, via)
    if (transactions.receiveRequest(received, key)) {
      owner.answered = true
      return
    }
    let refusal = checkSyntax(received)
    // A CANCEL belongs to the INVITE that it matches, whatever its Max-Forwards: a CANCEL itself is never forwarded
    // (section 16.10).
    if (refusal === null && method === 'CANCEL' && this.#cancel(received, via, flow)) {
      owner.answered = true
      return
    }
    refusal ??= this.#check(received)
    if (refusal !== null) {
      this.#refuse(received, via, flow, refusal)
      owner.answered = true
      return
    }
    if (method === 'ACK' && (this.#stateless.isAckToUs(received) || this.#successes.acknowledged(received)))
      return
    this.#route(owner, via, key)
  }

  /** Returns the topmost Via with the source address of the request. Null if it contains a NUL or a CR. */
  #noted(received: SIPMessage, asSent: Via, flow: Flow): Via | null {
    try {
      return noteReceived(received, asSent, flow) ? received.topVia : asSent
    } catch (error) {
      if (error instanceof SIPMessageError) return null
      throw error
    }
  }

  #refuse(request: SIPMessage, via: Via, flow: Flow, refusal: Refusal): void {
    const { metrics, log } = this.#services
    metrics.refused(refusal.status)
    log.refused({ message: request, flow }, refusal.status, refusal.reason ?? REASONS[refusal.status] ?? '')
    this.#stateless.reply(request, via, flow, refusal)
  }

  /**
   * Checks a request as section 16.3 says, except for syntax and loops. Also refuses requests while the proxy drains.
   */
  #check(request: SIPMessage): Refusal | null {
    const refusal = checkHops(request)
    if (refusal !== null) return refusal
    if (request.method === 'ACK' || request.method === 'CANCEL') return null
    const { maxUnfinished, maxUnfinishedBytes } = this.#services.config.limits
    const ofDialog = request.toTag !== null
    // Calls in progress may continue when new ones are refused. The bound is needed because anybody can invent a To
    // tag.
    const full = this.#unfinished >= (ofDialog ? WITH_DIALOGS : 1) * maxUnfinished
    const fullOfBytes = this.#unfinishedBytes + request.text.length > maxUnfinishedBytes
    const refused = full || fullOfBytes || (this.#draining && !ofDialog)
    return refused ? { status: 503, headers: [['Retry-After', '10']] } : null
  }

  #route(owner: ReceivedRequest, via: Via, key: string): void {
    const { scripts, transactions, transports } = this.#services
    const { message: received, flow } = owner
    const routed = preprocessRoute(received, (uri: URI) => this.#services.isMyself(uri))
    // Makes the message as edited so far the original, because edits by scripts are counted from the original.
    const message = received.splices.length === 0 ? received : new SIPMessage(received)
    const request = new IncomingRequest(message, via, flow, routed)
    const { method } = request
    const isOurs = ({ host, port }: Via) => transports.isOurs(host, port ?? 5060)
    if (hasLooped(message.vias, request, isOurs)) {
      this.#refuse(message, via, flow, { status: 482 })
      owner.answered = true
      return
    }
    owner.request = request
    if (method !== 'ACK' && method !== 'CANCEL') {
      const reliable = isReliable(flow.transport)
      const send = this.#stateless.replier(via, flow)
      request.transaction = transactions.createServer(method, key, reliable, send)
    }
    const { length } = message.text
    this.#unfinished++
    this.#unfinishedBytes += length
    request.begin(() => {
      this.#unfinished--
      this.#unfinishedBytes -= length
      this.#contexts.delete(request.transaction)
    })
    if (method === 'INVITE') {
      const context = new ResponseContext(this.#services, request)
      request.relaying = context
      this.#contexts.set(request.transaction, context)
    }
    scripts.request(request, (decision) => this.#decided(request, decision))
  }

  #decided(request: IncomingRequest, { replies, relay, forward, refused }: RequestDecision): void {
    const { method, transaction, message, via, flow } = request
    if (refused !== undefined) this.#services.log.refused(request, 500, refused)
    const stateful = relay !== null && transaction !== undefined
    for (const { stateless, status, reason } of replies) {
      if (stateless || transaction === undefined) {
        this.#stateless.reply(message, via, flow, { status, reason })
      } else this.#replyStatefully(request, status, reason)
    }
    const answered = replies.find(({ status }) => status >= 200)
    if (!stateful) {
      // After a provisional reply, the client waits for a final reply (section 8.1.1.7), and nobody else sends one.
      const promised =
        transaction !== undefined && forward === null && replies.some(({ stateless }) => !stateless)
      if (answered === undefined && promised) {
        this.#services.log.refused(request, 500, 'the script gave no final reply after a provisional one')
        this.#replyStatefully(request, 500, '')
      } else if (answered === undefined || answered.stateless) transaction?.terminate()
      request.over()
      const plan = forward ?? relay?.branches[0]
      if (plan !== undefined && plan !== null) this.#stateless.forward(request, plan)
      return
    }
    if (method === 'INVITE') this.#replyStatefully(request, 100, '')
    const context = this.#contexts.get(transaction) ?? new ResponseContext(this.#services, request)
    request.relaying = context
    context.relay(relay)
  }

  #replyStatefully({ message, method, transaction }: IncomingRequest, status: number, reason: string): void {
    const answer = reply(message, status, reason === '' ? {} : { reason })
    const { metrics } = this.#services
    metrics.replied(status)
    transaction!.reply(status, answer.text)
    if (method !== 'INVITE' || status < 200 || status > 299) return
    this.#successes.add(answer, () => {
      metrics.retransmitted()
      transaction!.reply(status, answer.text)
    })
  }

  /**
   * Handles a CANCEL (section 16.10). Returns false if it matches no INVITE of ours: then it is routed like any other
   * request.
   */
  #cancel(cancel: SIPMessage, via: Via, flow: Flow): boolean {
    const { transactions } = this.#services
    const invite: InviteServerTransaction | undefined = transactions.cancelled(cancel, via)
    if (invite === undefined) return false
    const send = this.#stateless.replier(via, flow)
    const own = transactions.createServer('CANCEL', serverKey(cancel, via), isReliable(flow.transport), send)
    const answer = reply(cancel, 200)
    this.#services.metrics.replied(200)
    own.reply(200, answer.text)
    this.#contexts.get(invite)?.cancel()
    return true
  }

  #reply(message: SIPMessage): void {
    const { transactions, transports, metrics } = this.#services
    metrics.receivedReply(message.status!)
    const via = message.topVia
    // Drop a reply that is not for us, or that is too damaged to tell.
    if (
      via === null ||
      // Drop a reply whose only Via is ours (section 16.7 item 3): the only request that this proxy creates is CANCEL.
      (message.nextVia === null && message.cseqMethod !== 'CANCEL') ||
      message.status! < 100 ||
      message.status! > 699 ||
      !transports.isOurs(via.host, via.port ?? 5060)
    ) {
      metrics.dropped('stray-reply')
      return
    }
    if (!transactions.receiveReply(message, via)) this.#stateless.passOn(message, via)
  }
}

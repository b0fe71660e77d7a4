/** What comes in: to the transactions first, then to the core (RFC 3261 section 16). */
import { reply, SIPMessage, SIPMessageError, type URI, type Via } from '@siplet/sipmsg'
import type { RequestDecision } from '../script/scripts.ts'
import type { InviteServerTransaction } from '../transaction/invite-server.ts'
import { serverKey } from '../transaction/key.ts'
import { noteReceived } from '../transport/received.ts'
import { type DropReason, type Flow, isReliable, type Receiver } from '../transport/transport.ts'
import { hasLooped } from './branch-id.ts'
import { checkHops, checkSyntax, type Refusal } from './checks.ts'
import { IncomingRequest } from './incoming.ts'
import { ResponseContext } from './response-context.ts'
import { preprocessRoute } from './route-set.ts'
import type { Services } from './services.ts'
import { Stateless } from './stateless.ts'

export class Core implements Receiver {
  readonly #services: Services
  readonly #stateless: Stateless
  /** By the INVITE transaction, for CANCEL. */
  readonly #contexts = new Map<unknown, ResponseContext>()
  #unfinished = 0
  #draining = false

  constructor(services: Services) {
    this.#services = services
    this.#stateless = new Stateless(services)
  }

  /** Requests that are not answered yet. */
  get unfinished(): number {
    return this.#unfinished
  }

  /** From now on new requests are refused with 503; what is under way goes on. */
  drain(): void {
    this.#draining = true
  }

  message(message: SIPMessage, flow: Flow): void {
    const { metrics, log } = this.#services
    try {
      if (message.isRequest) this.#request(message, flow)
      else this.#reply(message)
    } catch (error) {
      // No message may end the proxy, not even by a fault of ours.
      metrics.dropped('failed')
      if (!(error instanceof SIPMessageError)) log.fault(error as Error, flow.remote)
    }
  }

  dropped(reason: DropReason): void {
    this.#services.metrics.dropped(reason)
  }

  #request(received: SIPMessage, flow: Flow): void {
    const { metrics, transactions } = this.#services
    const method = received.method!
    metrics.received(method)
    const asSent = received.topVia
    if (asSent === null) {
      metrics.dropped('no-via')
      return
    }
    const via = noteReceived(received, asSent, flow) ? received.topVia! : asSent
    const key = serverKey(received, via)
    if (transactions.receiveRequest(received, key)) return
    const refusal = this.#check(received)
    if (refusal !== null) {
      this.#refuse(received, via, flow, refusal)
      return
    }
    if (method === 'CANCEL' && this.#cancel(received, via, flow)) return
    if (method === 'ACK' && this.#stateless.isAckToUs(received)) return
    this.#route(received, via, flow, key)
  }

  #refuse(request: SIPMessage, via: Via, flow: Flow, refusal: Refusal): void {
    this.#services.metrics.refused(refusal.status)
    this.#stateless.reply(request, via, flow, refusal)
  }

  /** Section 16.3, loops aside, and the end of service. */
  #check(request: SIPMessage): Refusal | null {
    const refusal = checkSyntax(request) ?? checkHops(request)
    if (refusal !== null) return refusal
    const full = this.#unfinished >= this.#services.config.limits.maxUnfinished
    if (!(this.#draining || full) || request.toTag !== null || request.method === 'CANCEL') return null
    return { status: 503, headers: [['Retry-After', '10']] }
  }

  #route(received: SIPMessage, via: Via, flow: Flow, key: string): void {
    const { scripts, transactions, transports } = this.#services
    const looseRouted = preprocessRoute(received, (uri: URI) => this.#services.isMyself(uri))
    // The message as edited so far becomes the original: what scripts edit is counted from there.
    const message = received.splices.length === 0 ? received : new SIPMessage(received)
    const request = new IncomingRequest(message, via, flow, looseRouted)
    const { method } = request
    const isOurs = ({ host, port }: Via) => transports.isOurs(host, port ?? 5060)
    if (hasLooped(message.vias, () => request.loopHash, isOurs)) {
      this.#refuse(message, via, flow, { status: 482 })
      return
    }
    if (method !== 'ACK' && method !== 'CANCEL') {
      const reliable = isReliable(flow.transport)
      const send = this.#stateless.replier(via, flow)
      request.transaction = transactions.createServer(method, key, reliable, send)
    }
    this.#unfinished++
    let context: ResponseContext | undefined
    const over = () => {
      this.#unfinished--
      this.#contexts.delete(request.transaction)
    }
    if (method === 'INVITE') {
      context = new ResponseContext(this.#services, request, over)
      this.#contexts.set(request.transaction, context)
    }
    scripts.request(request, (decision) => this.#decided(request, decision, context, over))
  }

  #decided(
    request: IncomingRequest,
    { replies, relay, forward }: RequestDecision,
    context: ResponseContext | undefined,
    over: () => void,
  ): void {
    const { method, transaction, message, via, flow } = request
    const stateful = relay !== null && transaction !== undefined
    for (const { stateless, status, reason } of replies) {
      if (stateless || transaction === undefined) {
        this.#stateless.reply(message, via, flow, { status, reason })
      } else this.#replyStatefully(request, status, reason)
    }
    const answered = replies.find(({ status }) => status >= 200)
    if (!stateful) {
      if (transaction !== undefined && (answered === undefined || answered.stateless)) transaction.terminate()
      over()
      const plan = forward ?? relay?.branches[0]
      if (plan !== undefined && plan !== null) this.#stateless.forward(request, plan)
      return
    }
    if (method === 'INVITE') this.#replyStatefully(request, 100, '')
    const relaying = context ?? new ResponseContext(this.#services, request, over)
    relaying.relay(relay)
  }

  #replyStatefully({ message, transaction }: IncomingRequest, status: number, reason: string): void {
    const answer = reply(message, status, reason === '' ? {} : { reason })
    this.#services.metrics.replied(status)
    transaction!.reply(status, answer.text)
  }

  /** Section 16.10. False where there is no INVITE of ours: then it is routed as any other request. */
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
    // Not ours (section 16.7 item 3), or too mangled to tell whose.
    if (
      via === null ||
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

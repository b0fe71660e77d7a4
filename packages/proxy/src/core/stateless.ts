/** Sends messages without a transaction: replies, ACKs, and forwarded requests and replies (RFC 3261 section 16.11). */
import { randomBytes } from 'node:crypto'
import { reply, type SIPMessage, type Via } from '@siplet/sipmsg'
import { dnsTimeout, locate, numericTarget } from '../target/locate.ts'
import type { Send } from '../transaction/surroundings.ts'
import { replyTarget } from '../transport/received.ts'
import { type Flow, isReliable, type Target } from '../transport/transport.ts'
import type { Refusal } from './checks.ts'
import { digest } from './digest.ts'
import type { IncomingRequest } from './incoming.ts'
import { addVia, countDown, isHeadTooLarge, recordRoute, stripRequestURI } from './outgoing.ts'
import type { BranchPlan } from './relay-plan.ts'
import { nextHop, routeStrictly } from './route-set.ts'
import type { Services } from './services.ts'

export class Stateless {
  readonly #services: Services
  /** Part of the To tags of our replies, so that their ACKs are recognised and not forwarded. */
  readonly #secret = randomBytes(12).toString('hex')

  constructor(services: Services) {
    this.#services = services
  }

  /** Sends a reply to a request. Does nothing for an ACK. */
  reply(request: SIPMessage, via: Via, flow: Flow, { status, reason, headers = [] }: Refusal): void {
    if (request.method === 'ACK') return
    const { metrics } = this.#services
    const toTag = this.#tag(request)
    const message = reply(request, status, { ...(reason && { reason }), toTag, headers })
    metrics.replied(status)
    this.sendReply(via, flow, message.text)
  }

  /** Returns whether an ACK acknowledges a reply of {@link reply}. */
  isAckToUs(ack: SIPMessage): boolean {
    return ack.toTag !== null && ack.toTag === this.#tag(ack)
  }

  /**
   * Returns a function that calls {@link sendReply} for the transaction of a request. The transaction outlives the
   * request, so the function must not keep the request. V8 keeps for a closure everything that any closure of the same
   * function uses.
   */
  replier(via: Via, flow: Flow): Send {
    return isReliable(flow.transport)
      ? this.#overConnection(flow, wayBack(via, flow))
      : this.#overDatagrams(this.#flowTo(wayBack(via, flow)))
  }

  #overConnection(flow: Flow, back: Target): Send {
    return (text) => this.#sendBack(flow.open ? flow : this.#flowTo(back), text)
  }

  #overDatagrams(back: Flow | null): Send {
    return (text) => this.#sendBack(back, text)
  }

  /** Sends a reply back over the path of its request (section 18.2.2). */
  sendReply(via: Via, flow: Flow, text: string): void {
    const open = isReliable(flow.transport) && flow.open
    this.#sendBack(open ? flow : this.#flowTo(wayBack(via, flow)), text)
  }

  /**
   * Sends a request to one target without state (section 16.11): an ACK to a 2xx, or a request for which forward() was
   * called. If the request cannot be sent, its client gets 416, 500 or 513.
   */
  forward(request: IncomingRequest, { message, dstUri, recordRoute }: BranchPlan): void {
    stripRequestURI(message)
    const uri = nextHop(message, dstUri)
    if (uri === null) {
      this.#unsent(request, 'no-target', 416, `no SIP URI leads on: ${message.ruri}`)
      return
    }
    routeStrictly(message)
    const numeric = numericTarget(uri)
    const send = (target: Target) => this.#forwardTo(request, message, target, recordRoute)
    if (numeric !== undefined) {
      send(numeric)
      return
    }
    const { records, transports, guard, clock, config } = this.#services
    const { dnsTimeoutMs } = config.timers
    let waiting = true
    const once = (act: () => void) => {
      stop()
      if (waiting) act()
      waiting = false
    }
    const lost = ({ message: why }: Error) =>
      guard.run('forward-dns-failed', request, () => once(() => this.#unsent(request, 'no-target', 500, why)))
    const stop = clock.after(dnsTimeoutMs, () => lost(dnsTimeout(uri.host, dnsTimeoutMs)))
    locate(uri, records, transports, () => 0).then(
      ([target]) => guard.run('forward-dns-answered', request, () => once(() => send(target!))),
      lost,
    )
  }

  /**
   * Forwards a reply to a request that was forwarded without state. Other replies belong to nobody any more and are
   * dropped (RFC 6026 section 8.2).
   */
  passOn(message: SIPMessage, via: Via): void {
    const { metrics, transports } = this.#services
    const next = message.nextVia
    const port = next === null ? null : this.#services.branchIds.replyPort(via.branch, next)
    const target = next === null ? null : replyTarget(next)
    if (port === null || target === null) {
      metrics.dropped('stray-reply')
      return
    }
    message.removeFirstVia()
    if (isReliable(target.transport)) message.fitToStream()
    metrics.replied(message.status!)
    try {
      const flow = transports.openFlow({ ...target, port }) ?? transports.flowTo(target)
      flow.send(message.text, () => metrics.dropped('unsent-reply'))
    } catch {
      metrics.dropped('unsent-reply')
    }
  }

  /** Returns null if no socket can reach the target. */
  #flowTo(target: Target): Flow | null {
    try {
      return this.#services.transports.flowTo(target)
    } catch {
      return null
    }
  }

  #sendBack(flow: Flow | null, text: string): void {
    const failed = () => this.#services.metrics.dropped('unsent-reply')
    if (flow === null) failed()
    else flow.send(text, failed)
  }

  #forwardTo(request: IncomingRequest, message: SIPMessage, target: Target, parameters: string | null): void {
    const { transports, metrics, branchIds, config } = this.#services
    const failed = ({ message: why }: Error) => this.#unsent(request, 'unsent-request', 500, why)
    try {
      const flow = transports.flowTo(target)
      countDown(message)
      if (parameters !== null) recordRoute(message, request.flow, flow, parameters)
      const port = isReliable(request.flow.transport) ? request.flow.remote[1] : 0
      addVia(message, flow, branchIds.stateless(request.message, request.via, port))
      const { maxHeadBytes } = config.limits
      if (isHeadTooLarge(message, maxHeadBytes)) {
        const why = `with our Via, its head has ${message.bodyStart} bytes, more than limits.maxHeadBytes`
        this.#unsent(request, 'unsent-request', 513, why)
        return
      }
      if (isReliable(flow.transport)) message.fitToStream()
      metrics.sent('request')
      flow.send(message.text, failed)
    } catch (error) {
      failed(error as Error)
    }
  }

  /** Counts a request that could not be sent, and answers it, so that its client need not wait. */
  #unsent(
    request: IncomingRequest,
    reason: 'no-target' | 'unsent-request',
    status: 416 | 500 | 513,
    why: string,
  ): void {
    const { metrics, log } = this.#services
    metrics.dropped(reason)
    if (request.method === 'ACK') return
    log.refused(request, status, why)
    this.reply(request.message, request.via, request.flow, { status })
  }

  #tag({ callId, fromTag, cseqNumber }: SIPMessage): string {
    return digest([this.#secret, callId, fromTag, cseqNumber])
  }
}

/**
 * Returns the target for replies to a request: the source address, over the same transport, whatever the Via says. The
 * result holds no part of the request's text, which would keep the whole text in memory.
 */
function wayBack(via: Via, { transport, remote: [ip, port] }: Flow): Target {
  return { transport, ip, port: replyTarget(via)?.port ?? port }
}

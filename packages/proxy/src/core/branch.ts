/**
 * One branch of a relayed request: BRANCH_ROUTE, its targets (RFC 3261 section 16.6 items 2 to 10), a client
 * transaction on one target after the other until one answers (RFC 3263 section 4.3), and its end.
 */
import { isIP } from 'node:net'
import type { SIPMessage, URI } from '@siplet/sipmsg'
import type { Boundary, Owner } from '../guard.ts'
import { dnsTimeout, locate, numericTarget } from '../target/locate.ts'
import { cancelFor } from '../transaction/ack.ts'
import type { ClientUser } from '../transaction/client.ts'
import { InviteClientTransaction } from '../transaction/invite-client.ts'
import type { ClientTransaction } from '../transaction/layer.ts'
import { transactionTimeout } from '../transaction/timers.ts'
import { Timers } from '../transaction/transaction.ts'
import { type Flow, isReliable, type Target } from '../transport/transport.ts'
import type { FinalReply } from './best-reply.ts'
import type { IncomingRequest } from './incoming.ts'
import { addVia, countDown, isHeadTooLarge, recordRoute, stripRequestURI } from './outgoing.ts'
import { nextHop, routeStrictly } from './route-set.ts'
import type { Services } from './services.ts'

/** Where a branch is to go, as the script left it. */
export interface BranchPlan {
  /** The request with the edits for this branch; this branch's own. */
  readonly message: SIPMessage
  readonly dstUri: string | null
  /** The parameters of our Record-Route; null for none. */
  readonly recordRoute: string | null
}

/** Whom a branch tells. */
export interface BranchOwner {
  /** Whether one more target may be tried, after the first of a branch. */
  mayTryAnother(): boolean
  /** 101 to 199, and every 2xx; also those that come after the first. */
  passOn(branch: Branch, reply: SIPMessage): void
  /** The branch is over, with this. */
  ended(branch: Branch, final: FinalReply): void
  /** Runs ONREPLY_ROUTE on a reply; `done` gets it as edited, null where it is dropped. */
  filter(reply: SIPMessage, flow: Flow, done: (reply: SIPMessage | null) => void): void
}

interface Candidate {
  readonly target: Target
  /** The same target by another transport: only where the first could not be connected. */
  readonly fallback: boolean
  /** Whether a message of any size goes there, although it is reached over UDP. */
  readonly anySize: boolean
}

/** One target that is tried: what its transaction works for. */
class Attempt implements ClientUser {
  readonly #branch: Branch

  constructor(branch: Branch) {
    this.#branch = branch
  }

  get callId(): string | null {
    return this.#branch.callId
  }

  reply(reply: SIPMessage): void {
    this.#branch.heard(this, reply, 'client-reply')
  }

  timedOut(): void {
    this.#branch.heard(this, 'timed out', 'client-timeout')
  }

  failed(error: Error): void {
    this.#branch.heard(this, error, 'client-failure')
  }
}

const NO_ANSWER: FinalReply = { status: 408, message: null, why: 'no target answered' }

function unreachable({ message: why }: Error): FinalReply {
  return { status: 503, message: null, why }
}

/** Nobody waits for how a CANCEL ends. */
const NOBODY: ClientUser = { callId: null, reply() {}, timedOut() {}, failed() {} }

export class Branch implements Owner {
  #final: FinalReply | undefined
  readonly #services: Services
  readonly #request: IncomingRequest
  /** Until it has ended: the transaction outlasts it by half a minute, and with it whatever stands here. */
  #plan: BranchPlan | null
  readonly #owner: BranchOwner
  readonly #timers: Timers
  #targets: Candidate[] = []
  #tried = false
  #transaction: ClientTransaction | undefined
  /** The request as it went out last; null before that, and again when it has ended. */
  #sent: SIPMessage | null = null
  /** The way it went. */
  #flow: Flow | null = null
  #provisional = false
  #cancelled: 'no' | 'wanted' | 'sent' = 'no'
  /** To reach the target that is tried. */
  #attempt: Attempt | undefined

  constructor(services: Services, request: IncomingRequest, plan: BranchPlan, owner: BranchOwner) {
    this.#services = services
    this.#request = request
    this.#plan = plan
    this.#owner = owner
    this.#timers = new Timers(services, 'branch-timer', this)
  }

  get callId(): string | null {
    return this.#request.callId
  }

  /** How it ended; undefined as long as it has not. */
  get final(): FinalReply | undefined {
    return this.#final
  }

  /** Finds its targets and sends the request to the first. */
  start(): void {
    this.#services.guard.run('branch-start', this, () => this.#start())
  }

  /** After a fault in it: it ends as if its peer had answered 500. A fault in what comes after that is the request's. */
  abandon(): void {
    if (this.#final !== undefined) {
      this.#request.abandon()
      return
    }
    try {
      this.#targets = []
      this.drop()
      this.#end({ status: 500, message: null })
    } catch (error) {
      this.#request.abandon()
      throw error
    }
  }

  /** {@link cancel} after a fault: where the CANCEL fails as well, the transaction ends without one. */
  drop(): void {
    try {
      this.cancel()
    } catch {
      this.#transaction?.terminate()
    }
  }

  #start(): void {
    const { message, dstUri } = this.#plan!
    stripRequestURI(message)
    const uri = nextHop(message, dstUri)
    if (uri === null) {
      this.#end({ status: 416, message: null, why: `no SIP URI leads on: ${message.ruri}` })
      return
    }
    routeStrictly(message)
    const numeric = numericTarget(uri)
    if (numeric !== undefined) this.#located(uri, [numeric])
    else this.#locate(uri)
  }

  /** Ends it: CANCEL where a provisional reply came, or as soon as one does (section 9.1). */
  cancel(): void {
    if (this.#final !== undefined || this.#cancelled !== 'no') return
    this.#cancelled = 'wanted'
    this.#targets = []
    if (this.#sent === null) this.#end({ status: 487, message: null })
    else if (this.#provisional) this.#sendCancel()
  }

  #locate(uri: URI): void {
    const { records, transports, guard, config } = this.#services
    const { dnsTimeoutMs, frTimeoutMs } = config.timers
    const deadline = Math.min(dnsTimeoutMs, frTimeoutMs)
    this.#timers.start('dns', deadline, () => this.#notLocated(dnsTimeout(uri.host, deadline)))
    locate(uri, records, transports).then(
      (targets) =>
        guard.run('dns-answered', this, () => {
          if (!this.#timers.has('dns')) return
          this.#timers.stop('dns')
          this.#located(uri, targets)
        }),
      (error: Error) => guard.run('dns-failed', this, () => this.#notLocated(error)),
    )
  }

  #notLocated(error: Error): void {
    if (this.#final !== undefined || this.#sent !== null) return
    this.#timers.stop('dns')
    this.#end(unreachable(error))
  }

  #located(uri: URI, targets: Target[]): void {
    const stated = uri.parameters.get('transport')?.toLowerCase() === 'udp'
    this.#targets = targets.map((target) => ({ target, fallback: false, anySize: stated }))
    this.#next({ status: 503, message: null })
  }

  /** Whether a message is too large for UDP (section 18.1.1), and there is a TCP socket for that target. */
  #isTooLarge(message: SIPMessage, { target: { transport, ip }, anySize }: Candidate): boolean {
    const { config, transports } = this.#services
    if (transport !== 'udp' || anySize || message.text.length <= config.udpMaxBytes) return false
    return transports.supports('tcp', isIP(ip))
  }

  /** Tries the next target; where there is none left, the branch ends with `failure`. */
  #next(failure: FinalReply): void {
    const { resting } = this.#services
    while (this.#targets[0] !== undefined && resting.has(this.#targets[0].target)) this.#targets.shift()
    const next = this.#targets.shift()
    if (next === undefined || (this.#tried && !next.fallback && !this.#owner.mayTryAnother())) {
      const own = failure.message === null
      this.#end(own && this.#cancelled !== 'no' ? { status: 487, message: null } : failure)
      return
    }
    this.#tried = true
    let flow: Flow
    try {
      flow = this.#services.transports.flowTo(next.target)
    } catch (error) {
      this.#next(unreachable(error as Error))
      return
    }
    this.#send(flow, next)
  }

  #send(flow: Flow, candidate: Candidate): void {
    const { branchIds, transactions, metrics } = this.#services
    const plan = this.#plan!
    const message = plan.message.clone()
    const branch = branchIds.next(this.#request.loopHash)
    countDown(message)
    if (plan.recordRoute !== null) recordRoute(message, this.#request.flow, flow, plan.recordRoute)
    addVia(message, flow, branch)
    if (this.#isTooLarge(message, candidate)) {
      // UDP is left for the case that no TCP connection can be made.
      const { target } = candidate
      this.#targets.unshift(
        { target: { ...target, transport: 'tcp' }, fallback: true, anySize: true },
        { target, fallback: true, anySize: true },
      )
      this.#next({ status: 503, message: null })
      return
    }
    if (this.#isHeadTooLarge(message)) return
    const reliable = isReliable(flow.transport)
    if (reliable) message.fitToStream()
    this.#provisional = false
    this.#sent = message
    this.#flow = flow
    this.#startTimers()
    metrics.sent('request')
    const attempt = new Attempt(this)
    this.#attempt = attempt
    const request = { message, reliable, send: flow.send.bind(flow) }
    const transaction = transactions.startClient(request, branch, attempt)
    // It may have failed at once, and another have been made.
    if (this.#attempt === attempt) this.#transaction = transaction
  }

  /** Ends the branch if the head is too large to send, and returns whether it is. */
  #isHeadTooLarge(message: SIPMessage): boolean {
    const { maxHeadBytes } = this.#services.config.limits
    const tooLarge = isHeadTooLarge(message, maxHeadBytes)
    if (tooLarge) {
      this.#targets = []
      const why = `with our Via, its head has ${message.bodyStart} bytes, more than limits.maxHeadBytes`
      this.#end({ status: 513, message: null, why })
    }
    return tooLarge
  }

  /** What the transaction of an attempt says; of an earlier one, it is not heard. */
  heard(attempt: Attempt, said: SIPMessage | Error | 'timed out', at: Boundary): void {
    if (attempt !== this.#attempt) return
    this.#services.guard.run(at, this, () => {
      if (said === 'timed out') this.#timedOut()
      else if (said instanceof Error) this.#next(unreachable(said))
      else this.#receive(said)
    })
  }

  /**
   * A target that was reached and is silent is not tried over another transport. A request that came back to this proxy is
   * tried no further: each of its rounds would try all targets again, and there would be exponentially many.
   */
  #timedOut(): void {
    const { remote } = this.#flow!
    const isOurs = this.#services.transports.isOurs(remote[0], remote[1])
    this.#targets = isOurs ? [] : this.#targets.filter(({ fallback }) => !fallback)
    this.#next(NO_ANSWER)
  }

  #startTimers(): void {
    const { config } = this.#services
    const { frTimeoutMs } = config.timers
    const abandon = () => {
      this.#transaction?.terminate()
      this.#timedOut()
    }
    if (frTimeoutMs < transactionTimeout(config.timers)) this.#timers.start('fr', frTimeoutMs, abandon)
  }

  /** Timer C (section 16.8): as long as an INVITE may ring. */
  #startTimerC(): void {
    this.#timers.start('C', this.#services.config.timers.frInvTimeoutMs, () => this.#giveUp())
  }

  #giveUp(): void {
    if (this.#cancelled !== 'no') return
    this.#cancelled = 'wanted'
    this.#targets = []
    this.#sendCancel()
    this.#end({ status: 408, message: null, why: 'it rang for longer than timers.frInvTimeoutMs' })
  }

  #receive(reply: SIPMessage): void {
    const status = reply.status!
    if (status < 200) {
      this.#timers.stop('fr')
      if (this.#request.method === 'INVITE') {
        this.#provisional = true
        if (this.#final === undefined && (status > 100 || !this.#timers.has('C'))) this.#startTimerC()
        if (this.#cancelled === 'wanted') this.#sendCancel()
      }
      if (status === 100 || this.#final !== undefined) return
    } else {
      this.#timers.stopAll()
      if (status === 503) this.#rest(reply)
    }
    this.#owner.filter(reply, this.#flow!, (edited) => this.#filtered(edited, status))
  }

  /** The target is overloaded, and may say for how long. */
  #rest(reply: SIPMessage): void {
    const { transport, remote } = this.#flow!
    this.#services.resting.refused({ transport, ip: remote[0], port: remote[1] }, reply)
  }

  #filtered(reply: SIPMessage | null, status: number): void {
    if (status >= 300) {
      // Another target, where this one is overloaded (RFC 3263 section 4.3).
      if (status === 503) this.#next({ status, message: reply })
      else this.#end({ status, message: reply })
      return
    }
    if (reply !== null) this.#owner.passOn(this, reply)
    // It has gone upstream: nobody chooses among 2xx.
    if (status >= 200) this.#end({ status, message: null })
  }

  #sendCancel(): void {
    const { transactions, metrics } = this.#services
    const flow = this.#flow!
    this.#cancelled = 'sent'
    const cancel = cancelFor(this.#sent!)
    if (this.#final !== undefined) this.#sent = null
    const request = {
      message: cancel,
      reliable: isReliable(flow.transport),
      send: flow.send.bind(flow),
    }
    metrics.sent('request')
    transactions.startClient(request, cancel.topVia!.branch!, NOBODY)
    if (this.#transaction instanceof InviteClientTransaction) this.#transaction.cancelled()
  }

  #end(final: FinalReply): void {
    if (this.#final !== undefined) return
    this.#final = final
    this.#plan = null
    // An INVITE that is still to be cancelled is kept until its peer says something.
    if (this.#cancelled !== 'wanted') this.#sent = null
    this.#timers.stopAll()
    this.#owner.ended(this, final)
  }
}

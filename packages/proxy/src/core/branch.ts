/**
 * One branch of a relayed request (RFC 3261 section 16.6 items 2 to 10). Runs BRANCH_ROUTE, then tries one target after
 * the other, each with its own client transaction, until a target answers (RFC 3263 section 4.3).
 */
import { isIP } from 'node:net'
import { printable } from '@siplet/engine'
import type { SIPMessage, URI } from '@siplet/sipmsg'
import { debugBranch } from '../debug.ts'
import type { Boundary, Owner } from '../guard.ts'
import { dnsTimeout, locate, numericTarget } from '../target/locate.ts'
import { cancelFor } from '../transaction/ack.ts'
import type { ClientUser } from '../transaction/client.ts'
import { InviteClientTransaction } from '../transaction/invite-client.ts'
import type { ClientTransaction } from '../transaction/layer.ts'
import { transactionTimeout } from '../transaction/timer-values.ts'
import { Timers } from '../transaction/timers.ts'
import { type Flow, isReliable, type Target } from '../transport/transport.ts'
import type { FinalReply } from './best-reply.ts'
import type { IncomingRequest } from './incoming.ts'
import { addVia, countDown, isHeadTooLarge, recordRoute, stripRequestURI } from './outgoing.ts'
import type { BranchPlan } from './relay-plan.ts'
import { nextHop, routeStrictly } from './route-set.ts'
import type { Services } from './services.ts'

/** What a branch reports to: the response context of the request. */
export interface BranchOwner {
  /** Returns whether the request may try one more target. Not asked for the first target of a branch. */
  mayTryAnother(): boolean
  /** Called for replies 101 to 199, and for every 2xx, including those after the first. */
  passOn(branch: Branch, reply: SIPMessage): void
  /** Called once, when the branch has ended with this reply. */
  ended(branch: Branch, final: FinalReply): void
  /** Runs ONREPLY_ROUTE on a reply. `done` gets the edited reply, or null if the route dropped it. */
  filter(reply: SIPMessage, flow: Flow, done: (reply: SIPMessage | null) => void): void
}

interface Candidate {
  readonly target: Target
  /** Whether this is the same target by another transport, used only if the first transport could not connect. */
  readonly fallback: boolean
  /** Whether a message of any size may be sent there, although the transport is UDP. */
  readonly anySize: boolean
}

/** One target that is tried: the user of its client transaction. */
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

/** The user of a CANCEL transaction. Nobody waits for its result. */
const NOBODY: ClientUser = { callId: null, reply() {}, timedOut() {}, failed() {} }

export class Branch implements Owner {
  #final: FinalReply | undefined
  readonly #services: Services
  readonly #request: IncomingRequest
  /**
   * Null after the end of the branch. The transaction outlives the branch by half a minute and must not keep the
   * message.
   */
  #plan: BranchPlan | null
  readonly #owner: BranchOwner
  readonly #timers: Timers
  #targets: Candidate[] = []
  #tried = false
  #transaction: ClientTransaction | undefined
  /** The request as it was last sent. Null before that, and after the end of the branch. */
  #sent: SIPMessage | null = null
  /** The flow over which {@link #sent} was sent. */
  #flow: Flow | null = null
  #provisional = false
  #cancelled: 'no' | 'wanted' | 'sent' = 'no'
  /** The attempt at the current target. */
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

  /** The final reply of the branch; undefined until the branch has ended. */
  get final(): FinalReply | undefined {
    return this.#final
  }

  /** Looks up the targets and sends the request to the first one. */
  start(): void {
    this.#services.guard.run('branch-start', this, () => this.#start())
  }

  /**
   * Ends the branch after a fault inside it, as if its peer had answered 500. A fault in code that runs after the end
   * belongs to the request.
   */
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

  /**
   * Does the same as {@link cancel} after a fault. If sending the CANCEL fails as well, the transaction ends without
   * one.
   */
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

  /** Cancels the branch. Sends CANCEL if a provisional reply has come, otherwise as soon as one comes (section 9.1). */
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

  /** Whether the message is too large for UDP (section 18.1.1) and we have a TCP socket for the target. */
  #isTooLarge(message: SIPMessage, { target: { transport, ip }, anySize }: Candidate): boolean {
    const { config, transports } = this.#services
    if (transport !== 'udp' || anySize || message.text.length <= config.udpMaxBytes) return false
    return transports.supports('tcp', isIP(ip))
  }

  /** Tries the next target. If no target is left, the branch ends with `failure`. */
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
    if (debugBranch.enabled) {
      const { transport, ip, port } = next.target
      debugBranch(`${printable(String(this.callId))}: tries ${transport} ${ip} port ${port}`)
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
      // UDP stays as a fallback, in case no TCP connection can be made.
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
    // The attempt may have failed inside send(), and a new attempt may have replaced it.
    if (this.#attempt === attempt) this.#transaction = transaction
  }

  /** Ends the branch if the head is too large to send. Returns whether it is too large. */
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

  /** Handles what the transaction of an attempt reports. Reports of earlier attempts are ignored. */
  heard(attempt: Attempt, said: SIPMessage | Error | 'timed out', at: Boundary): void {
    if (attempt !== this.#attempt) return
    this.#services.guard.run(at, this, () => {
      if (said === 'timed out') this.#timedOut()
      else if (said instanceof Error) this.#next(unreachable(said))
      else this.#receive(said)
    })
  }

  /**
   * Handles a target that did not answer in time. A target that was reached and is silent is not tried over another
   * transport. A request that came back to this proxy is not tried further: each round would try all targets again, so
   * the number of requests would grow exponentially.
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

  /** Starts timer C (section 16.8), the longest time that an INVITE may ring. */
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

  /** Remembers that the target is overloaded, for as long as its Retry-After says. */
  #rest(reply: SIPMessage): void {
    const { transport, remote } = this.#flow!
    this.#services.resting.refused({ transport, ip: remote[0], port: remote[1] }, reply)
  }

  #filtered(reply: SIPMessage | null, status: number): void {
    if (status >= 300) {
      // This target is overloaded: try another one (RFC 3263 section 4.3).
      if (status === 503) this.#next({ status, message: reply })
      else this.#end({ status, message: reply })
      return
    }
    if (reply !== null) this.#owner.passOn(this, reply)
    // The 2xx was already sent upstream. The best reply is not chosen among 2xx.
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
    if (debugBranch.enabled) debugBranch(`${printable(String(this.callId))}: ended with ${final.status}`)
    this.#plan = null
    // If the INVITE is still to be cancelled, keep it until its peer replies.
    if (this.#cancelled !== 'wanted') this.#sent = null
    this.#timers.stopAll()
    this.#owner.ended(this, final)
  }
}

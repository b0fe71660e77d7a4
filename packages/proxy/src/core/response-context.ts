/**
 * The response context of one relayed request: all of its branches, and the choice of the replies that are sent
 * upstream (RFC 3261 section 16.7).
 */
import { reply, type SIPMessage } from '@siplet/sipmsg'
import type { Failure } from '../script/route-call.ts'
import type { FailureDecision } from '../script/scripts.ts'
import { headLimits } from '../transport/limits.ts'
import { type Flow, isReliable, LARGEST_DATAGRAM } from '../transport/transport.ts'
import { bestReply, type FinalReply, reasonOf, statusUpstream, withAllChallenges } from './best-reply.ts'
import { Branch, type BranchOwner } from './branch.ts'
import type { IncomingRequest, Relaying } from './incoming.ts'
import { isHeadTooLarge } from './outgoing.ts'
import type { BranchPlan, RelayPlan } from './relay-plan.ts'
import type { Services } from './services.ts'

export class ResponseContext implements BranchOwner, Relaying {
  readonly #services: Services
  readonly #request: IncomingRequest
  /** Both are undefined after the end. The context itself stays for another half minute, for late 2xx. */
  #plan: RelayPlan | undefined
  #branches: Branch[] = []
  #replyRoute: string | null = null
  /** The failure that made FAILURE_ROUTE run. If FAILURE_ROUTE started branches, their replies replace it. */
  #failure: FinalReply | undefined
  #starting = 0
  /** Number of branches so far, plus the further targets that they tried. */
  #tried = 0
  #cancelled = false
  #answered = false
  #done = false

  constructor(services: Services, request: IncomingRequest) {
    this.#services = services
    this.#request = request
  }

  /** Starts the branches of a plan. Called for the first plan and for the plan of FAILURE_ROUTE. */
  relay(plan: RelayPlan): void {
    this.#plan = plan
    this.#replyRoute = plan.replyRoute
    this.#branches = []
    this.#starting = plan.branches.length
    // Counts branches that never reach a target as well. Otherwise FAILURE_ROUTE could add branches without end.
    this.#tried += plan.branches.length
    for (const branch of plan.branches) {
      if (plan.branchRoute === null) this.#start(branch)
      else {
        this.#services.scripts.branch(plan.branchRoute, this.#request, branch, (edited) =>
          this.#start(edited),
        )
      }
    }
  }

  /** Handles a CANCEL of the client (section 16.10). */
  cancel(): void {
    this.#services.guard.run('cancel', this.#request, () => {
      this.#cancelled = true
      for (const branch of this.#branches) branch.cancel()
    })
  }

  /** Ends the context after a fault: cancels every branch that rings. Later replies are ignored, except for a 2xx. */
  abandon(): void {
    const branches = this.#branches
    this.#finish()
    for (const branch of branches) branch.drop()
  }

  mayTryAnother(): boolean {
    if (this.#tried >= this.#services.config.maxBranches) return false
    this.#tried++
    return true
  }

  passOn(branch: Branch, message: SIPMessage): void {
    const success = message.status! >= 200
    if ((this.#answered || this.#done) && !success) return
    if (success) {
      this.#answered = true
      for (const other of this.#branches) if (other !== branch) other.cancel()
    }
    this.#upstream(message.status!, message)
  }

  ended(_branch: Branch, { status }: FinalReply): void {
    if (status >= 600) for (const other of this.#branches) other.cancel()
    this.#checkDone()
  }

  filter(message: SIPMessage, flow: Flow, done: (reply: SIPMessage | null) => void): void {
    this.#services.scripts.reply(this.#replyRoute, this.#request, message, flow, done)
  }

  /** `plan` is null if BRANCH_ROUTE dropped the branch. */
  #start(plan: BranchPlan | null): void {
    this.#starting--
    if (plan !== null && !this.#done && !this.#cancelled && !this.#answered) {
      const branch = new Branch(this.#services, this.#request, plan, this)
      this.#branches.push(branch)
      branch.start()
    }
    this.#checkDone()
  }

  #checkDone(): void {
    if (this.#done || this.#starting > 0 || this.#branches.some(({ final }) => final === undefined)) return
    if (this.#answered) {
      this.#finish()
      return
    }
    const finals = this.#branches.map(({ final }) => final!)
    if (finals.length === 0)
      finals.push(this.#failure ?? { status: this.#cancelled ? 487 : 500, message: null })
    const best = bestReply(finals)
    const { failureRoute } = this.#plan!
    if (failureRoute === null || this.#cancelled) {
      this.#answer(best, finals)
      return
    }
    // The route applies to this failure only. The script must call t_on_failure again for the next one.
    const failure: Failure = { plan: this.#plan!, reply: best, tried: this.#tried }
    this.#failure = best
    this.#starting = 1
    this.#services.scripts.failure(failureRoute, this.#request, failure, (decision) => {
      this.#starting = 0
      if (this.#done) return
      if (this.#cancelled) this.#answer({ status: 487, message: null }, finals)
      else this.#failed(decision, best, finals)
    })
  }

  /**
   * Carries out what FAILURE_ROUTE decided. If there is no final reply and no new branch, the failure goes upstream.
   */
  #failed({ replies, relay }: FailureDecision, best: FinalReply, finals: readonly FinalReply[]): void {
    for (const { status, reason } of replies) if (status < 200) this.#local(status, reason)
    const final = replies.find(({ status }) => status >= 200)
    if (relay !== null) this.relay(relay)
    else if (final === undefined) this.#answer(best, finals)
    else this.#answer({ status: final.status, message: null }, [], final.reason)
  }

  #answer(best: FinalReply, all: readonly FinalReply[], reason?: string): void {
    const { status } = best
    const challenging = best.message !== null && (status === 401 || status === 407)
    const message = challenging ? withAllChallenges(best.message!, all) : best.message
    const { config } = this.#services
    const upstream = reason === undefined ? statusUpstream(status) : status
    // For anything but an INVITE, a 408 comes too late: the client would only retransmit (RFC 4320 section 4.2).
    const late =
      this.#request.method !== 'INVITE' && status === 408 && message === null && reason === undefined
    if (late && config.timers.frTimeoutMs >= 64 * config.timers.t1) this.#request.transaction?.terminate()
    else if (message !== null && upstream === status) this.#upstream(status, message)
    else {
      const own = reason === undefined && !this.#cancelled
      if (own) this.#services.log.refused(this.#request, upstream, best.why ?? 'the proxy found no way on')
      this.#local(upstream, reason ?? reasonOf(upstream))
    }
    this.#finish()
  }

  #local(status: number, reason: string): void {
    const message = reply(this.#request.message, status, { reason })
    this.#services.metrics.replied(status)
    this.#request.transaction?.reply(status, message.text)
  }

  /**
   * Sends a reply of a branch upstream, without our Via (item 3). On a stream, corrects Content-Length and line ends
   * (section 18.3).
   */
  #upstream(status: number, message: SIPMessage): void {
    message.removeFirstVia()
    const { flow } = this.#request
    if (isReliable(flow.transport)) message.fitToStream()
    const tooLarge = this.#whatIsTooLarge(message)
    if (tooLarge !== null) {
      if (status < 200) return
      // Without any reply, the client would wait until its own timeout.
      this.#services.log.refused(this.#request, 513, tooLarge)
      this.#local(513, reasonOf(513))
      return
    }
    this.#services.metrics.replied(status)
    this.#request.transaction?.reply(status, message.text)
  }

  /**
   * Returns why a reply cannot be sent upstream, for the log. Null if it can be sent. Causes: the reply came over a
   * stream, or the script made it longer.
   */
  #whatIsTooLarge(message: SIPMessage): string | null {
    const { length } = message.text
    if (!isReliable(this.#request.flow.transport)) {
      return length > LARGEST_DATAGRAM ? `a reply of ${length} bytes fits no datagram` : null
    }
    const { maxReplyHeadBytes } = headLimits(this.#services.config.limits)
    return isHeadTooLarge(message, maxReplyHeadBytes)
      ? `the head of a reply has ${message.bodyStart} bytes, more than twice limits.maxHeadBytes`
      : null
  }

  #finish(): void {
    if (this.#done) return
    this.#done = true
    this.#plan = undefined
    this.#branches = []
    this.#request.over()
  }
}

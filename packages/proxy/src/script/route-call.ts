/**
 * One run of a script method for a route, and what its functions requested. Nothing is carried out before the method
 * has returned. So if a script fails half-way, none of its actions are carried out, and onScriptError decides about the
 * unchanged request.
 */
import type { Route } from '@siplet/engine'
import type { SIPMessage } from '@siplet/sipmsg'
import type { FinalReply } from '../core/best-reply.ts'
import type { IncomingRequest } from '../core/incoming.ts'
import type { RelayPlan } from '../core/relay-plan.ts'

/** A reply that the script asked for. */
export interface ScriptReply {
  readonly stateless: boolean
  readonly status: number
  readonly reason: string
}

/** A call of t_relay or forward, with the message as it was at that moment. */
export interface Relay {
  readonly stateless: boolean
  readonly message: SIPMessage
  readonly dstUri: string | null
}

/** The failure that FAILURE_ROUTE handles. */
export interface Failure {
  /** The plan by which the request was relayed. */
  readonly plan: RelayPlan
  readonly reply: FinalReply
  /** Number of branches so far, plus the further targets that they tried. */
  readonly tried: number
}

/** The parts of a request that functions read. */
export type RoutedRequest = Pick<IncomingRequest, 'message' | 'method' | 'routed'>

export class RouteCall {
  readonly route: Route
  readonly request: RoutedRequest
  readonly failure: Failure | null
  readonly replies: ScriptReply[] = []
  /** URIs of append_branch, each with the next hop at that moment. */
  readonly appended: { uri: string; dstUri: string | null }[] = []
  relay: Relay | null = null
  dropped = false
  /** Parameters of our Record-Route, from record_route. Null if it was not called. */
  recordRoute: string | null = null
  branchRoute: string | null = null
  replyRoute: string | null = null
  failureRoute: string | null = null

  constructor(route: Route, request: RoutedRequest, failure: Failure | null = null) {
    this.route = route
    this.request = request
    this.failure = failure
    if (failure === null) return
    // Settings for the transaction also apply to new branches. Only t_on_failure must be called again.
    this.recordRoute = failure.plan.recordRoute
    this.branchRoute = failure.plan.branchRoute
    this.replyRoute = failure.plan.replyRoute
  }
}

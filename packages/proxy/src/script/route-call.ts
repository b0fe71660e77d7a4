/**
 * One run of a script's method for a route, and what its functions asked for. Nothing is carried out before the method
 * has ended: a script that fails half-way has done nothing, and on-script-error decides about the request as it came.
 */
import type { Route } from '@siplet/engine'
import type { SIPMessage } from '@siplet/sipmsg'
import type { FinalReply } from '../core/best-reply.ts'
import type { IncomingRequest } from '../core/incoming.ts'
import type { RelayPlan } from '../core/response-context.ts'

/** A reply that the script gave. */
export interface ScriptReply {
  readonly stateless: boolean
  readonly status: number
  readonly reason: string
}

/** t_relay or forward, with the message as it was then. */
export interface Relay {
  readonly stateless: boolean
  readonly message: SIPMessage
  readonly dstUri: string | null
}

/** What FAILURE_ROUTE is about. */
export interface Failure {
  /** How the request was relayed. */
  readonly plan: RelayPlan
  readonly reply: FinalReply
  /** Branches so far, and the further targets that they tried. */
  readonly tried: number
}

/** What functions ask of the request. */
export type RoutedRequest = Pick<IncomingRequest, 'message' | 'method' | 'routed'>

export class RouteCall {
  readonly route: Route
  readonly request: RoutedRequest
  readonly failure: Failure | null
  readonly replies: ScriptReply[] = []
  /** URIs of append_branch, each with the next hop of that moment. */
  readonly appended: { uri: string; dstUri: string | null }[] = []
  relay: Relay | null = null
  dropped = false
  /** Parameters of our Record-Route, from record_route; null for none. */
  recordRoute: string | null = null
  branchRoute: string | null = null
  replyRoute: string | null = null
  failureRoute: string | null = null

  constructor(route: Route, request: RoutedRequest, failure: Failure | null = null) {
    this.route = route
    this.request = request
    this.failure = failure
    if (failure === null) return
    // What was said for the transaction holds for new branches; only t_on_failure has to be called anew.
    this.recordRoute = failure.plan.recordRoute
    this.branchRoute = failure.plan.branchRoute
    this.replyRoute = failure.plan.replyRoute
  }
}

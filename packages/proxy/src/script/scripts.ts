/**
 * Runs the four routes of the script and returns what is to be done. Every call gets an answer, whatever the script
 * does.
 */
import type { Engine, ExecResult, Route } from '@siplet/engine'
import { SipletError } from '@siplet/engine'
import type { SIPMessage } from '@siplet/sipmsg'
import type { IncomingRequest } from '../core/incoming.ts'
import type { BranchPlan, RelayPlan } from '../core/relay-plan.ts'
import type { Boundary, Guard } from '../guard.ts'
import type { Flow } from '../transport/transport.ts'
import { lostHeader } from './kept-headers.ts'
import { type Failure, RouteCall, type ScriptReply } from './route-call.ts'

/** What is to be done with a request. If everything is empty, nothing is done. */
export interface RequestDecision {
  readonly replies: readonly ScriptReply[]
  readonly relay: RelayPlan | null
  /** To be forwarded without state. */
  readonly forward: BranchPlan | null
  /** What was wrong, if the proxy answers for a script that failed. */
  readonly refused?: string
}

/** What is to be done about a failure. If both are empty, the failure is sent upstream. */
export type FailureDecision = Pick<RequestDecision, 'replies' | 'relay'>

export interface ScriptsOptions {
  engine: Engine
  guard: Guard
  /** Whether execs run synchronously on this thread. */
  sync: boolean
  onScriptError: 'reject' | 'relay'
  /** Names of methods. If the script has no method of that name, the route does not exist. */
  routes: { request: string; reply: string | null; branch: string | null; failure: string | null }
  recordRoute: boolean
  /** Called if a method failed or returned false. */
  failed(route: Route, result: ExecResult): void
  /** Called if a method removed or changed a header that must stay. The actions of that run are not carried out. */
  damaged(route: Route, header: string, request: IncomingRequest): void
}

const BOUNDARIES: Record<Route, Boundary> = {
  REQUEST_ROUTE: 'request-route',
  BRANCH_ROUTE: 'branch-route',
  ONREPLY_ROUTE: 'reply-route',
  FAILURE_ROUTE: 'failure-route',
}
const DIALOGS = ['INVITE', 'SUBSCRIBE', 'REFER']

export class Scripts {
  readonly #options: ScriptsOptions
  #running = 0

  constructor(options: ScriptsOptions) {
    this.#options = options
  }

  /** Number of methods that run at the moment. */
  get running(): number {
    return this.#running
  }

  /**
   * Runs REQUEST_ROUTE. A method that calls no deciding function relays by returning true, and drops by returning 0.
   */
  request(request: IncomingRequest, done: (decision: RequestDecision) => void): void {
    const call = new RouteCall('REQUEST_ROUTE', request)
    this.#exec(this.#options.routes.request, call, request, request.message, request.flow, (result) => {
      const { code } = result
      const relayed = call.relay?.message ?? result.message
      const error = result.error ?? this.#damage(call, relayed, request.message, request)
      if (error !== null || (code < 0 && call.relay === null && call.replies.length === 0)) {
        this.#options.failed('REQUEST_ROUTE', result)
        done(
          error !== null && this.#options.onScriptError === 'relay'
            ? this.#unchanged(request)
            : rejected(request, error === null ? `the script returned ${code}` : 'the script failed'),
        )
        return
      }
      const { replies, dropped } = call
      if (call.relay === null && !dropped && code > 0 && !replies.some(({ status }) => status >= 200)) {
        call.relay = { message: result.message, dstUri: result.dstUri, stateless: false }
      }
      if (call.relay?.stateless) {
        const { message, dstUri } = call.relay
        done({ replies, relay: null, forward: { message, dstUri, recordRoute: this.#recordRoute(call) } })
      } else done({ replies, relay: this.#plan(call), forward: null })
    })
  }

  /** Runs BRANCH_ROUTE. The result is null if the route drops the branch, or if it fails and failures are rejected. */
  branch(
    method: string,
    request: IncomingRequest,
    plan: BranchPlan,
    done: (plan: BranchPlan | null) => void,
  ): void {
    const call = new RouteCall('BRANCH_ROUTE', request)
    this.#exec(method, call, request, plan.message, request.flow, (result) => {
      const error = result.error ?? this.#damage(call, result.message, plan.message, request)
      if (error !== null) this.#options.failed('BRANCH_ROUTE', result)
      if (error !== null) done(this.#options.onScriptError === 'relay' ? plan : null)
      else if (call.dropped) done(null)
      else done({ ...plan, message: result.message, dstUri: result.dstUri ?? plan.dstUri })
    })
  }

  /**
   * Runs ONREPLY_ROUTE. The result is the unchanged reply if the script has no such route or fails, and null if the
   * route drops the reply.
   */
  reply(
    method: string | null,
    request: IncomingRequest,
    reply: SIPMessage,
    flow: Flow,
    done: (reply: SIPMessage | null) => void,
  ): void {
    const name = method ?? this.#existing(this.#options.routes.reply)
    if (name === null) {
      done(reply)
      return
    }
    const call = new RouteCall('ONREPLY_ROUTE', request)
    this.#exec(name, call, request, reply, flow, (result) => {
      if ((result.error ?? this.#damage(call, result.message, reply, request)) !== null) {
        this.#options.failed('ONREPLY_ROUTE', result)
        done(reply)
      } else done(call.dropped ? null : result.edited ? result.message : reply)
    })
  }

  /** Runs FAILURE_ROUTE. The result has new branches, other replies, or nothing, which leaves the failure as it is. */
  failure(
    method: string,
    request: IncomingRequest,
    failure: Failure,
    done: (decision: FailureDecision) => void,
  ): void {
    const call = new RouteCall('FAILURE_ROUTE', request, failure)
    this.#exec(method, call, request, failure.plan.message, request.flow, (result) => {
      const relayed = call.relay?.message ?? result.message
      if ((result.error ?? this.#damage(call, relayed, request.message, request)) !== null) {
        this.#options.failed('FAILURE_ROUTE', result)
        done({ replies: [], relay: null })
      } else done({ replies: call.replies, relay: this.#plan(call) })
    })
  }

  /** Returns the name of the header that a run has damaged; null if there is none. */
  #damage(
    call: RouteCall,
    edited: SIPMessage,
    original: SIPMessage,
    request: IncomingRequest,
  ): string | null {
    const header = lostHeader(edited, original)
    if (header !== null) this.#options.damaged(call.route, header, request)
    return header
  }

  #exec(
    method: string,
    call: RouteCall,
    request: IncomingRequest,
    message: SIPMessage,
    flow: Flow,
    done: (result: ExecResult) => void,
  ): void {
    const { engine, sync, guard } = this.#options
    const at = BOUNDARIES[call.route]
    const options = { route: call.route, src: flow.remote, dst: flow.local, context: call }
    if (sync) {
      let result: ExecResult | undefined
      try {
        result = engine.execSync(method, message, options)
      } catch (error) {
        // The child is busy because of a reload.
        if (!(error instanceof SipletError && error.code === 'ERR_SIPLET_SYNC')) throw error
      }
      if (result !== undefined) {
        const answer = result
        guard.run(at, request, () => done(answer))
        return
      }
    }
    this.#running++
    engine.exec(method, message, options).then(
      (result) => {
        this.#running--
        guard.run(at, request, () => done(result))
      },
      (error) => {
        this.#running--
        guard.fail(at, request, error)
      },
    )
  }

  /** Returns the branches that a call asked for; null if it did not relay. */
  #plan(call: RouteCall): RelayPlan | null {
    const { relay, appended } = call
    if (relay === null) return null
    const { message, dstUri } = relay
    const recordRoute = this.#recordRoute(call)
    const branches: BranchPlan[] = []
    // In FAILURE_ROUTE, the Request-URI was already tried. It is tried again only if no branch was appended.
    if (call.route === 'REQUEST_ROUTE' || appended.length === 0) {
      branches.push({ message: message.clone(), dstUri, recordRoute })
    }
    for (const branch of appended) {
      const copy = message.clone()
      copy.rewriteRURI(branch.uri)
      branches.push({ message: copy, dstUri: branch.dstUri, recordRoute })
    }
    const { routes } = this.#options
    return {
      message,
      branches,
      recordRoute,
      branchRoute: call.branchRoute ?? this.#existing(routes.branch),
      replyRoute: call.replyRoute,
      failureRoute:
        call.failureRoute ?? (call.route === 'REQUEST_ROUTE' ? this.#existing(routes.failure) : null),
    }
  }

  #recordRoute({ recordRoute, request: { message } }: RouteCall): string | null {
    const always = this.#options.recordRoute && DIALOGS.includes(message.method!) && message.toTag === null
    return recordRoute ?? (always ? '' : null)
  }

  #unchanged(request: IncomingRequest): RequestDecision {
    const call = new RouteCall('REQUEST_ROUTE', request)
    call.relay = { message: request.message.clone(), dstUri: null, stateless: false }
    return { replies: [], relay: this.#plan(call), forward: null }
  }

  #existing(method: string | null): string | null {
    return method !== null && this.#options.engine.methods.includes(method) ? method : null
  }
}

function rejected({ method }: IncomingRequest, refused: string): RequestDecision {
  const replies = method === 'ACK' ? [] : [{ stateless: true, status: 500, reason: '' }]
  return { replies, relay: null, forward: null, refused }
}

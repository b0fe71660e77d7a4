/** The functions that scripts call with call_function. Names and order of arguments are those of OpenSIPS. */
import type { EmbedderFunction, FunctionMessage, Route } from '@siplet/engine'
import type { RouteCall } from '../script/route-call.ts'
import { appendHf, removeHf } from './headers.ts'
import type { FunctionHost, ProxyFunction } from './proxy-function.ts'
import { appendBranch, drop, forward, tOn, tRelay } from './relay.ts'
import { slSendReply, tCheckStatus, tReply } from './reply.ts'
import {
  checkRouteParam,
  hasTotag,
  isMyself,
  looseRoute,
  mfProcessMaxfwdHeader,
  recordRoute,
  routeParams,
} from './route.ts'
import { xlog } from './xlog.ts'

const REQUESTS: readonly Route[] = ['REQUEST_ROUTE', 'BRANCH_ROUTE', 'FAILURE_ROUTE']
const ANYWHERE: readonly Route[] = [...REQUESTS, 'ONREPLY_ROUTE']
const RELAYING: readonly Route[] = ['REQUEST_ROUTE', 'FAILURE_ROUTE']

/** Each function with the routes that may call it. */
const FUNCTIONS: Record<string, readonly [ProxyFunction, readonly Route[]]> = {
  sl_send_reply: [slSendReply, ['REQUEST_ROUTE']],
  t_reply: [tReply, RELAYING],
  t_relay: [tRelay, RELAYING],
  forward: [forward, ['REQUEST_ROUTE']],
  append_branch: [appendBranch, RELAYING],
  t_on_branch: [tOn('branchRoute'), RELAYING],
  t_on_reply: [tOn('replyRoute'), RELAYING],
  t_on_failure: [tOn('failureRoute'), RELAYING],
  t_check_status: [tCheckStatus, ['FAILURE_ROUTE', 'ONREPLY_ROUTE']],
  record_route: [recordRoute, RELAYING],
  loose_route: [looseRoute, ['REQUEST_ROUTE']],
  has_totag: [hasTotag, ANYWHERE],
  check_route_param: [checkRouteParam, ANYWHERE],
  route_params: [routeParams, REQUESTS],
  drop: [drop, ANYWHERE],
  append_hf: [appendHf, ANYWHERE],
  remove_hf: [removeHf, ANYWHERE],
  is_myself: [isMyself, ANYWHERE],
  mf_process_maxfwd_header: [mfProcessMaxfwdHeader, ['REQUEST_ROUTE']],
  xlog: [xlog, ANYWHERE],
}

/**
 * Returns the functions in the form that the engine takes.
 *
 * @param callOf returns the call that a message belongs to; by default the context of its exec
 */
export function functionTable(
  host: FunctionHost,
  callOf = (message: FunctionMessage) => message.context as RouteCall,
): Record<string, EmbedderFunction> {
  return Object.fromEntries(
    Object.entries(FUNCTIONS).map(([name, [act, routes]]) => {
      const run: EmbedderFunction = (message, ...args: (string | number)[]) => {
        if (!routes.includes(message.route)) {
          throw new Error(`${name}() is for ${routes.join(', ')}, not for ${message.route}`)
        }
        return act(callOf(message), message, args, host)
      }
      return [name, run]
    }),
  )
}

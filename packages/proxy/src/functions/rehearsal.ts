import type { Address, EmbedderFunction, FunctionMessage, Logger } from '@siplet/engine'
import { plainHost, SIPMessage, type URI } from '@siplet/sipmsg'
import { preprocessRoute } from '../core/route-set.ts'
import { ProxyLog } from '../log.ts'
import { RouteCall } from '../script/route-call.ts'
import { functionTable } from './functions.ts'

export interface RehearsalHost {
  /** Returns whether the script has a method of that name. */
  hasMethod(name: string): boolean
  /** Receives the lines of xlog. */
  logger: Logger
}

/**
 * Returns the functions of the proxy for trying a script without a proxy. Each checks its arguments, edits the message
 * and returns as in the proxy, but nothing is sent. The proxy's own address is the one that received the message. Route
 * headers stay in the message.
 *
 * The context of each exec must be an object of its own.
 */
export function rehearsalFunctions({ hasMethod, logger }: RehearsalHost): Record<string, EmbedderFunction> {
  const log = new ProxyLog(logger, Number.POSITIVE_INFINITY)
  const calls = new WeakMap<object, RouteCall>()
  const callOf = (message: FunctionMessage): RouteCall => {
    const known = calls.get(message.context as object)
    if (known !== undefined) return known
    const call = new RouteCall(message.route, {
      message,
      method: message.method ?? message.cseqMethod ?? '',
      routed: preprocessRoute(new SIPMessage(message), isMyself(message.dst)),
    })
    calls.set(message.context as object, call)
    return call
  }
  const host = {
    hasMethod,
    maxBranches: 12,
    isMyself: isAt,
    xlog: (level: string, text: string, { request }: RouteCall) => log.xlog(level, text, request),
  }
  return functionTable(host, callOf)
}

function isAt(name: string, port: number | null, [ip, localPort]: Address): boolean {
  return plainHost(name) === plainHost(ip) && (port ?? localPort) === localPort
}

function isMyself(local: Address) {
  return ({ host, port, parameters }: URI) => isAt(parameters.get('maddr') || host, port ?? 5060, local)
}

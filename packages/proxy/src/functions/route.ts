import { Parameters } from '@siplet/sipmsg'
import type { ProxyFunction } from './proxy-function.ts'

/** uri-parameters (RFC 3261 section 25.1). Other characters in the URI could change its host. */
const PARAMETER = /(?:[\w.!~*'()[\]/:&+$-]|%[0-9A-Fa-f]{2})+/.source
const PARAMETERS = new RegExp(`^${PARAMETER}(?:=${PARAMETER})?(?:;${PARAMETER}(?:=${PARAMETER})?)*$`)

/**
 * record_route([parameters]): routes this request and the later requests of the dialog through this proxy. Example of
 * parameters: "ftag=1".
 */
export const recordRoute: ProxyFunction = (call, _message, [parameters]) => {
  const text = String(parameters ?? '').replace(/^;/, '')
  if (text !== '' && (text.length > 1_000 || !PARAMETERS.test(text))) {
    throw new Error(
      `record_route(): parameters are name=value, separated by ";", not ${JSON.stringify(text.slice(0, 80))}`,
    )
  }
  call.recordRoute = text === '' ? '' : `;${text}`
  return 1
}

/** loose_route(): returns 1 if a Route header led the request here or leads it on, -1 otherwise. */
export const looseRoute: ProxyFunction = (call) => (call.request.routed.loose ? 1 : -1)

/**
 * is_myself(host, [port]): returns whether host and port are those of a socket or an alias. Without a port, any port
 * matches.
 */
export const isMyself: ProxyFunction = (_call, message, [name, port], host) => {
  const number = port === undefined || port === '' ? null : Number(port)
  return host.isMyself(String(name), number, message.dst) ? 1 : -1
}

/**
 * mf_process_maxfwd_header(max): lowers Max-Forwards to `max`, or adds it. Returns 2 if it was added, and -1 if it is
 * 0. Max-Forwards is decremented when the request is relayed, whether or not this is called.
 */
export const mfProcessMaxfwdHeader: ProxyFunction = (_call, message, [max]) => {
  const limit = Number(max)
  if (!Number.isInteger(limit) || limit < 1 || limit > 255) {
    throw new Error(`mf_process_maxfwd_header(): the maximum must be 1 to 255, not ${JSON.stringify(max)}`)
  }
  const hops = message.getHeader('Max-Forwards')
  if (hops !== null && Number(hops) === 0) return -1
  if (hops === null || Number(hops) > limit) message.setHeader('Max-Forwards', String(limit))
  return hops === null ? 2 : 1
}

/** has_totag(): returns whether To has a tag, as the requests of a dialog have. */
export const hasTotag: ProxyFunction = (_call, message) => (message.toTag === null ? -1 : 1)

/**
 * check_route_param(parameter): returns 1 if our Route that was removed has that parameter: `name`, or `name=value`.
 * Returns -1 otherwise. Names are compared without case. Regular expressions are not accepted: they would run outside
 * the time limit of the script.
 */
export const checkRouteParam: ProxyFunction = (call, _message, [parameter]) => {
  const [, name, value] = /^;?([^;=]+)(?:=([^;]*))?$/.exec(String(parameter ?? '')) ?? []
  if (name === undefined) {
    throw new Error(`check_route_param(): ${JSON.stringify(parameter)} is not "name" or "name=value"`)
  }
  const there = new Parameters(call.request.routed.parameters ?? '').get(name)
  return there !== null && (value === undefined || there === value) ? 1 : -1
}

/**
 * route_params(header): writes the parameters of our Route that was removed, such as ";lr;ftag=1", into that header,
 * for msg.getHeader. Returns -1 if none was removed. The header is sent with the request unless the script removes it.
 */
export const routeParams: ProxyFunction = (call, message, [header]) => {
  const { parameters } = call.request.routed
  if (parameters === null) {
    message.removeHeader(String(header))
    return -1
  }
  message.setHeader(String(header), parameters)
  return 1
}

/** Processes route information (RFC 3261 sections 16.4 and 16.6 items 6 and 7). */
import { parametersText, parseURI, type SIPMessage, type URI, withoutParameters } from '@siplet/sipmsg'
import { isRoutable } from './checks.ts'

/** The route by which a request came here. */
export interface Routed {
  /** The result of loose_route: whether a route set led the request here, or leads it on. */
  readonly loose: boolean
  /** Parameters of our Route that was removed, such as `;lr;ftag=1`. Null if none was removed. */
  readonly parameters: string | null
}

/**
 * Removes the route information that led the request here: a Request-URI into which a strict router wrote our
 * Record-Route, a maddr that names us, and the first Route if it is ours. Also removes the second Route if two were
 * recorded for two transports (RFC 5658).
 */
export function preprocessRoute(request: SIPMessage, isMyself: (uri: URI) => boolean): Routed {
  const routed = request.topRoute !== null
  let parameters = undoStrictRouting(request, routed, isMyself)
  stripMaddr(request, isMyself)
  const top = ourRoute(request, isMyself)
  if (top !== null) {
    parameters = parametersText(top)
    request.removeFirstValue('Route')
    const second = parseURI(top)!.parameters.has('r2') ? ourRoute(request, isMyself) : null
    if (second !== null) request.removeFirstValue('Route')
  }
  // Outside a dialog, a request whose only Route was our own was sent to its outbound proxy. It has no route set.
  const preloaded = request.toTag === null && parameters !== null && request.topRoute === null
  return { loose: routed && !preloaded, parameters }
}

/**
 * Returns the next hop of a request: the URI that was set, else its first Route, else its Request-URI. Returns null if
 * the request cannot be sent there. If the scheme of the Request-URI names no next hop, another source is required
 * (section 16.3 item 2): a Route for tel, `dstUri` for any scheme.
 */
export function nextHop(request: SIPMessage, dstUri: string | null): URI | null {
  if (dstUri === null && !UNDERSTOOD.includes(request.requestURI?.scheme ?? '')) return null
  const uri = parseURI(dstUri ?? request.topRoute?.uri ?? request.ruri!)
  return isRoutable(uri) ? uri : null
}

const UNDERSTOOD = ['sip', 'sips', 'tel']

/**
 * If the first Route is a strict router (no lr), makes the Request-URI the last Route and the first Route the
 * Request-URI (section 16.6 item 6).
 */
export function routeStrictly(request: SIPMessage): void {
  const first = request.topRoute
  if (first === null || first.parsedURI?.parameters.has('lr') !== false) return
  const { ruri } = request
  request.removeFirstValue('Route')
  request.appendHeader('Route', `<${ruri}>`)
  request.rewriteRURI(first.uri)
}

/**
 * If a strict router put our Record-Route into the Request-URI, moves the last Route back there. Returns the parameters
 * of our Record-Route.
 */
function undoStrictRouting(
  request: SIPMessage,
  routed: boolean,
  isMyself: (uri: URI) => boolean,
): string | null {
  const uri = routed ? request.requestURI : null
  if (uri === null || !uri.parameters.has('lr') || !isMyself(uri)) return null
  const last = request.routes.at(-1)
  if (last?.parsedURI == null) return null
  const parameters = parametersText(request.ruri!)
  request.rewriteRURI(last.uri)
  request.removeLastValue('Route')
  return parameters
}

/** Removes a maddr that names us from the Request-URI, together with port and transport (section 16.4). */
function stripMaddr(request: SIPMessage, isMyself: (uri: URI) => boolean): void {
  // Most Request-URIs need not be parsed for this. A parameter name may be written with escapes.
  if (!/maddr|%/i.test(request.ruri ?? '')) return
  const uri = request.requestURI
  if (!uri?.parameters.has('maddr') || !isMyself(uri)) return
  request.rewriteRURI(withoutParameters(request.ruri!, ['maddr', 'transport'], true))
}

/** Returns the first Route as a URI if it is ours, else null. */
function ourRoute(request: SIPMessage, isMyself: (uri: URI) => boolean): string | null {
  const uri = request.topRoute?.uri ?? null
  const parsed = uri === null ? null : parseURI(uri)
  return parsed !== null && isMyself(parsed) ? uri : null
}

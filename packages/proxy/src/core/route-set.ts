/** Route information (RFC 3261 sections 16.4 and 16.6 items 6 and 7). */
import { parametersText, parseURI, type SIPMessage, type URI, withoutParameters } from '@siplet/sipmsg'
import { isRoutable } from './checks.ts'

/** What led a request here. */
export interface Routed {
  /** What loose_route tells: a route set led the request here, or leads it on. */
  readonly loose: boolean
  /** Parameters of our Route that was taken off, such as `;lr;ftag=1`; null where none was. */
  readonly parameters: string | null
}

/**
 * Takes off what has led the request here: a Request-URI that a strict router put our Record-Route into, a maddr that
 * names us, and the first Route if it is ours; also the second where two were recorded for two transports (RFC 5658).
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
  // A request outside of a dialog whose only Route was our own went to its outbound proxy; it has no route set.
  const preloaded = request.toTag === null && parameters !== null && request.topRoute === null
  return { loose: routed && !preloaded, parameters }
}

/**
 * The next hop of a request: what was set, else its first Route, else its Request-URI. Null if the request cannot be sent
 * there. A Request-URI of a scheme that says nothing about the next hop needs one that does (section 16.3 item 2): tel by
 * Route, any if it was set.
 */
export function nextHop(request: SIPMessage, dstUri: string | null): URI | null {
  if (dstUri === null && !UNDERSTOOD.includes(request.requestURI?.scheme ?? '')) return null
  const uri = parseURI(dstUri ?? request.topRoute?.uri ?? request.ruri!)
  return isRoutable(uri) ? uri : null
}

const UNDERSTOOD = ['sip', 'sips', 'tel']

/**
 * Makes the Request-URI the last Route, and the first Route the Request-URI, if the first Route is a strict router (no lr;
 * section 16.6 item 6).
 */
export function routeStrictly(request: SIPMessage): void {
  const first = request.topRoute
  if (first === null || first.parsedURI?.parameters.has('lr') !== false) return
  const { ruri } = request
  request.removeFirstValue('Route')
  request.appendHeader('Route', `<${ruri}>`)
  request.rewriteRURI(first.uri)
}

/** Puts the last Route back into the Request-URI, if a strict router put our Record-Route there: its parameters. */
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

/** A Request-URI with a maddr of ours counts as one without it, and without port and transport (section 16.4). */
function stripMaddr(request: SIPMessage, isMyself: (uri: URI) => boolean): void {
  // Most Request-URIs need not be parsed for this. A name may be written with escapes.
  if (!/maddr|%/i.test(request.ruri ?? '')) return
  const uri = request.requestURI
  if (!uri?.parameters.has('maddr') || !isMyself(uri)) return
  request.rewriteRURI(withoutParameters(request.ruri!, ['maddr', 'transport'], true))
}

/** The first Route if it is ours, as a URI. */
function ourRoute(request: SIPMessage, isMyself: (uri: URI) => boolean): string | null {
  const uri = request.topRoute?.uri ?? null
  const parsed = uri === null ? null : parseURI(uri)
  return parsed !== null && isMyself(parsed) ? uri : null
}

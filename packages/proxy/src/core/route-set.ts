/** Route information (RFC 3261 sections 16.4 and 16.6 items 6 and 7). */
import { type Address, parseURI, type SIPMessage, type URI } from '@siplet/sipmsg'

/**
 * Takes off what has led the request here: a Request-URI that a strict router put our Record-Route into, and Route
 * headers that are ours, two of them where it was recorded for two transports. Returns whether a Route header was
 * there.
 */
export function preprocessRoute(request: SIPMessage, isMyself: (uri: URI) => boolean): boolean {
  const routed = request.getHeader('Route') !== null
  const uri = request.requestURI
  if (routed && uri?.parameters.has('lr') && isMyself(uri)) restoreRequestURI(request)
  for (let taken = 0; taken < 2; taken++) {
    const top = topRoute(request)
    if (top === null || !isMyself(top)) break
    request.removeFirstValue('Route')
  }
  return routed
}

/**
 * The URI of the next hop: what was set, else the first Route, else the Request-URI. Where the first Route is a
 * strict router (no lr), it becomes the Request-URI, and the Request-URI the last Route (section 16.6 item 6).
 */
export function nextHop(request: SIPMessage, dstUri: string | null): string {
  const first = request.routes[0]
  if (first !== undefined && first.parsedURI?.parameters.has('lr') === false) {
    const { ruri } = request
    const strict = first.uri
    request.removeFirstValue('Route')
    request.appendHeader('Route', `<${ruri}>`)
    request.rewriteRURI(strict)
    return dstUri ?? strict
  }
  return dstUri ?? first?.uri ?? request.ruri!
}

function topRoute(request: SIPMessage): URI | null {
  const first = request.routes[0]
  return first === undefined ? null : parseURI(first.uri)
}

/** Puts the last Route value back into the Request-URI. */
function restoreRequestURI(request: SIPMessage): void {
  const values = request.getHeaderList('Route')
  const last: Address | undefined = request.routes.at(-1)
  if (last === undefined) return
  request.rewriteRURI(last.uri)
  values.pop()
  request.removeHeader('Route')
  for (const value of values) request.appendHeader('Route', value)
}

/** Prepares the copy of a request that is sent on (RFC 3261 section 16.6). */
import { bareRequestURI, type SIPMessage } from '@siplet/sipmsg'
import { type Flow, isSecure } from '../transport/transport.ts'

const MAX_FORWARDS = 70

/** Item 2: removes parts of the Request-URI that are not allowed there. */
export function stripRequestURI(copy: SIPMessage): void {
  const ruri = copy.ruri!
  const bare = bareRequestURI(ruri)
  if (bare !== ruri) copy.rewriteRURI(bare)
}

/** Item 3: decrements Max-Forwards. */
export function countDown(copy: SIPMessage): void {
  // The received request was checked, but a script may have written any value.
  const hops = copy.maxForwards
  copy.setHeader('Max-Forwards', String(hops === null ? MAX_FORWARDS : Math.max(0, hops - 1)))
}

/**
 * Item 4: adds Record-Route, so that the requests of the dialog come through this proxy. If the request comes in and
 * goes out by different sockets, both are recorded (RFC 5658); the receiving socket is second.
 */
export function recordRoute(copy: SIPMessage, from: Flow, to: Flow, parameters: string): void {
  const both = from.sentBy !== to.sentBy || from.transport !== to.transport
  const mark = both ? ';r2=on' : ''
  const secure = copy.requestURI?.scheme === 'sips' || copy.topRoute?.parsedURI?.scheme === 'sips'
  copy.prependRecordRoute(routeURI(from, secure) + mark + parameters)
  if (both) copy.prependRecordRoute(routeURI(to, secure) + mark + parameters)
}

/** Item 8: adds our Via. */
export function addVia(copy: SIPMessage, to: Flow, branch: string): void {
  copy.prependVia(`SIP/2.0/${to.transport.toUpperCase()} ${to.sentBy};branch=${branch}`)
}

/** Returns whether another proxy with the same limit would refuse this head and close the connection. */
export function isHeadTooLarge(message: SIPMessage, maxBytes: number): boolean {
  return message.text.length > maxBytes && message.bodyStart > maxBytes
}

/** @param secure whether the request is sent to a sips URI. Then our URI is sips as well, on sockets that use TLS. */
function routeURI({ transport, sentBy }: Flow, secure: boolean): string {
  const scheme = secure && isSecure(transport) ? 'sips' : 'sip'
  // RFC 7118 section 5.4 has one transport parameter for both WebSocket transports.
  const parameter = transport === 'udp' ? '' : `;transport=${transport === 'wss' ? 'ws' : transport}`
  return `${scheme}:${sentBy}${parameter};lr`
}

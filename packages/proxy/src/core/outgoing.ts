/** The copy of a request that goes out (RFC 3261 section 16.6). */
import { bareRequestURI, type SIPMessage } from '@siplet/sipmsg'
import { type Flow, isSecure } from '../transport/transport.ts'

const MAX_FORWARDS = 70

/** Item 2: a Request-URI without what must not stand there. */
export function stripRequestURI(copy: SIPMessage): void {
  const ruri = copy.ruri!
  const bare = bareRequestURI(ruri)
  if (bare !== ruri) copy.rewriteRURI(bare)
}

/** Item 3: one hop less. */
export function countDown(copy: SIPMessage): void {
  // Requests that come in were checked, but a script may have written anything there.
  const hops = copy.maxForwards
  copy.setHeader('Max-Forwards', String(hops === null ? MAX_FORWARDS : Math.max(0, hops - 1)))
}

/**
 * Item 4: where the dialog's requests have to come by. Where they come in and go out by different sockets, both are
 * named (RFC 5658), the one that was received on last.
 */
export function recordRoute(copy: SIPMessage, from: Flow, to: Flow, parameters: string): void {
  const both = from.sentBy !== to.sentBy || from.transport !== to.transport
  const mark = both ? ';r2=on' : ''
  const secure = copy.requestURI?.scheme === 'sips' || copy.topRoute?.parsedURI?.scheme === 'sips'
  copy.prependRecordRoute(routeURI(from, secure) + mark + parameters)
  if (both) copy.prependRecordRoute(routeURI(to, secure) + mark + parameters)
}

/** Item 8. */
export function addVia(copy: SIPMessage, to: Flow, branch: string): void {
  copy.prependVia(`SIP/2.0/${to.transport.toUpperCase()} ${to.sentBy};branch=${branch}`)
}

/** Whether a request with this head would be refused by a proxy with the same limit, as a peer on a shared connection. */
export function isHeadTooLarge(message: SIPMessage, maxBytes: number): boolean {
  return message.text.length > maxBytes && message.bodyStart > maxBytes
}

/** @param secure whether the request goes to a sips URI: our URI is one, too, on the sockets that can keep its promise */
function routeURI({ transport, sentBy }: Flow, secure: boolean): string {
  const scheme = secure && isSecure(transport) ? 'sips' : 'sip'
  // RFC 7118 section 5.4 knows one transport parameter, for both of its transports.
  const parameter = transport === 'udp' ? '' : `;transport=${transport === 'wss' ? 'ws' : transport}`
  return `${scheme}:${sentBy}${parameter};lr`
}

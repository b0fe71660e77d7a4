import { SIPMessage } from '@siplet/sipmsg'

/**
 * Returns the ACK that the transaction itself sends to a reply of 300 and above (RFC 3261 section 17.1.1.3). It has the
 * Request-URI, Via, From, Call-ID, Route and CSeq number of the INVITE, and the To of the reply.
 */
export function ackFor(invite: SIPMessage, reply: SIPMessage): string {
  return derived(invite, 'ACK', reply.getHeaderBytes('To') ?? '')
}

/**
 * Returns the CANCEL of an INVITE (section 9.1). It has the same Via, because a CANCEL matches its INVITE by the
 * branch.
 */
export function cancelFor(invite: SIPMessage): SIPMessage {
  return new SIPMessage(derived(invite, 'CANCEL', invite.getHeaderBytes('To') ?? ''))
}

function derived(invite: SIPMessage, method: string, to: string): string {
  const lines = [
    `${method} ${invite.ruriBytes} SIP/2.0`,
    `Via: ${invite.topVia!.toString()}`,
    ...invite.getHeadersBytes('Route').map((value) => `Route: ${value}`),
    `From: ${invite.getHeaderBytes('From')}`,
    `To: ${to}`,
    `Call-ID: ${invite.getHeaderBytes('Call-ID')}`,
    `CSeq: ${invite.cseqNumber} ${method}`,
    'Max-Forwards: 70',
    'Content-Length: 0',
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** Messages of our own, for tests. */

export interface MessageParts {
  startLine?: string
  headers?: readonly (readonly [name: string, value: string])[]
  body?: string
}

export const HEADERS = [
  ['Via', 'SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-1'],
  ['Max-Forwards', '70'],
  ['From', '"Alice" <sip:alice@example.com>;tag=a1'],
  ['To', '<sip:bob@example.net>'],
  ['Call-ID', 'call-1@example.com'],
  ['CSeq', '1 INVITE'],
] as const

/** Returns a complete message. Content-Length is last and correct. */
export function sip({
  startLine = 'INVITE sip:bob@example.net SIP/2.0',
  headers = HEADERS,
  body = '',
}: MessageParts = {}): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}`)
  return [startLine, ...lines, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n')
}

export const INVITE = sip()
export const RINGING = sip({ startLine: 'SIP/2.0 180 Ringing' })

/** Returns an INVITE of a new call. */
export function inviteOf(callId: string): string {
  return INVITE.replace('call-1@example.com', callId)
}

/** Returns lines of a head, and a body after the empty line. Nothing is added, so everything may be wrong. */
export function raw(lines: readonly string[], body = ''): string {
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

export const SDP = 'v=0\r\no=- 1 1 IN IP4 192.0.2.15\r\ns=-\r\nc=IN IP4 192.0.2.15\r\nt=0 0\r\n'

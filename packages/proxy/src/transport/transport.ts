/** What all transports share (RFC 3261 section 18): listening sockets, and flows to peers. */
import { isIP } from 'node:net'
import type { Address } from '@siplet/engine'
import type { SIPMessage, SIPMessageError } from '@siplet/sipmsg'
import type { ProxyError } from '../errors.ts'

export const TRANSPORTS = ['udp', 'tcp', 'tls', 'ws', 'wss'] as const
export type TransportName = (typeof TRANSPORTS)[number]

/** A next hop given by its IP address. */
export interface Target {
  readonly transport: TransportName
  readonly ip: string
  readonly port: number
  /** The name that was resolved to this address, for the TLS certificate. */
  readonly host?: string
}

/** A way to one peer: a UDP socket and an address, or a connection. */
export interface Flow {
  readonly transport: TransportName
  /** Address on which the local socket listens. */
  readonly local: Address
  readonly remote: Address
  /** Host and port that peers are told in Via and Record-Route. An IPv6 host is in brackets. */
  readonly sentBy: string
  /** Whether messages can be sent. Always true for UDP. */
  readonly open: boolean
  /**
   * Sends a message.
   *
   * @param text one-byte text
   * @param failed called at most once, if the message is known not to arrive
   */
  send(text: string, failed: (error: ProxyError) => void): void
}

/** Why received bytes were dropped, or why the proxy closed a connection. */
export type DropReason =
  | 'not-sip'
  | 'stun'
  | 'head-too-large'
  | 'body-too-large'
  | 'framing'
  | 'incomplete'
  | 'too-many-connections'
  | 'slow-reader'
  | 'idle'
  | 'handshake'

const DROP_REASONS: Record<string, DropReason> = {
  ERR_SIPLET_HEAD_TOO_LARGE: 'head-too-large',
  ERR_SIPLET_BODY_TOO_LARGE: 'body-too-large',
  ERR_SIPLET_FRAMING: 'framing',
  ERR_SIPLET_MESSAGE_TRUNCATED: 'incomplete',
}

/** Returns the drop reason for an error of the framer. */
export function dropReason({ code }: SIPMessageError): DropReason {
  return DROP_REASONS[code] ?? 'not-sip'
}

/** Receives what the transports read. */
export interface Receiver {
  /** Takes over one message. */
  message(message: SIPMessage, flow: Flow): void
  /**
   * Takes the head of a request whose body ends at an unknown place, or is too long. The request must be answered with
   * that status and not handled further. The connection is closed.
   */
  refused(head: SIPMessage, status: 400 | 413, flow: Flow): void
  dropped(reason: DropReason, remote: Address): void
}

/** One listening socket. */
export interface Transport {
  readonly name: TransportName
  readonly local: Address
  readonly sentBy: string
  readonly family: 4 | 6
  /** Number of open connections; 0 for UDP. */
  readonly connections: number
  /** Number of accepted connections whose handshake is not finished; 0 for UDP and TCP. */
  readonly handshakes: number
  /** Returns the open connection to a target; undefined if there is none. */
  openFlow(target: Target): Flow | undefined
  /** Returns the flow to a target: an existing connection, or a new one. */
  flowTo(target: Target): Flow
  /** Stops listening and closes all connections. */
  close(): Promise<void>
}

/** Largest message that fits in one datagram over IPv4, in bytes, without the UDP and IP headers. */
export const LARGEST_DATAGRAM = 65_507

/**
 * Returns whether the transport is reliable. UDP loses messages; the others deliver them or fail (timers depend on
 * this, section 17).
 */
export function isReliable(transport: TransportName): boolean {
  return transport !== 'udp'
}

export function isSecure(transport: TransportName): boolean {
  return transport === 'tls' || transport === 'wss'
}

/** Returns the port to use if none is given (RFC 3261 section 19.1.2, RFC 7118 section 5). */
export function defaultPort(transport: TransportName): number {
  return { udp: 5060, tcp: 5060, tls: 5061, ws: 80, wss: 443 }[transport]
}

/** Returns `host:port`, with an IPv6 address in brackets. */
export function hostPort(host: string, port: number): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`
}

/** Returns the address as peers know it: an IPv4 peer of an IPv6 socket has its IPv4 address. */
export function plainIP(ip: string): string {
  return ip.startsWith('::ffff:') && ip.includes('.') ? ip.slice(7) : ip
}

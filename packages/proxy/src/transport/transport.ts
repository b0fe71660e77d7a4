/** What transports have in common (RFC 3261 section 18): sockets that are listened on, and flows to peers. */
import { isIP } from 'node:net'
import type { Address } from '@siplet/engine'
import type { SIPMessage, SIPMessageError } from '@siplet/sipmsg'
import type { ProxyError } from '../errors.ts'

export const TRANSPORTS = ['udp', 'tcp', 'tls', 'ws', 'wss'] as const
export type TransportName = (typeof TRANSPORTS)[number]

/** A numeric next hop. */
export interface Target {
  readonly transport: TransportName
  readonly ip: string
  readonly port: number
  /** The name it was found by, for the certificate of TLS. */
  readonly host?: string
}

/** A way to one peer: a UDP socket and an address, or a connection. */
export interface Flow {
  readonly transport: TransportName
  /** Address of the socket on this side, as it is listened on. */
  readonly local: Address
  readonly remote: Address
  /** Host and port that peers are told in Via and Record-Route; an IPv6 host in brackets. */
  readonly sentBy: string
  /** Whether it can carry messages; UDP always can. */
  readonly open: boolean
  /**
   * Sends a message.
   *
   * @param text one-byte text
   * @param failed called where it is known that it does not arrive; at most once
   */
  send(text: string, failed: (error: ProxyError) => void): void
}

/** Why bytes were not taken for a message, or a connection was ended by us. */
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

/** Returns the reason that an error of the framing stands for. */
export function dropReason({ code }: SIPMessageError): DropReason {
  return DROP_REASONS[code] ?? 'not-sip'
}

/** Where transports hand over what they received. */
export interface Receiver {
  /** One message; it is the receiver's from then on. */
  message(message: SIPMessage, flow: Flow): void
  /**
   * The head of a request that ends the connection, because where its body ends is unknown or too far away: it is to be
   * answered with that status, and nothing else.
   */
  refused(head: SIPMessage, status: 400 | 413, flow: Flow): void
  dropped(reason: DropReason, remote: Address): void
}

/** One socket that is listened on. */
export interface Transport {
  readonly name: TransportName
  readonly local: Address
  readonly sentBy: string
  readonly family: 4 | 6
  /** Connections that are open; 0 for UDP. */
  readonly connections: number
  /** Connections of peers whose handshake is not finished; 0 for UDP and TCP. */
  readonly handshakes: number
  /** The connection to a target that is open; undefined where there is none. */
  openFlow(target: Target): Flow | undefined
  /** The flow to a target: a connection that is there, or one that is made. */
  flowTo(target: Target): Flow
  /** Stops listening and ends all connections. */
  close(): Promise<void>
}

/** Bytes of a message that fit one datagram over IPv4, without the headers of UDP and IP. */
export const LARGEST_DATAGRAM = 65_507

/** UDP loses messages; the others deliver them or fail (section 17: timers depend on it). */
export function isReliable(transport: TransportName): boolean {
  return transport !== 'udp'
}

export function isSecure(transport: TransportName): boolean {
  return transport === 'tls' || transport === 'wss'
}

/** Port where none is given (RFC 3261 section 19.1.2, RFC 7118 section 5). */
export function defaultPort(transport: TransportName): number {
  return { udp: 5060, tcp: 5060, tls: 5061, ws: 80, wss: 443 }[transport]
}

/** `host:port`, an IPv6 address in brackets. */
export function hostPort(host: string, port: number): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`
}

/** The address as peers see it: an IPv4 peer of an IPv6 socket is an IPv4 peer. */
export function plainIP(ip: string): string {
  return ip.startsWith('::ffff:') && ip.includes('.') ? ip.slice(7) : ip
}

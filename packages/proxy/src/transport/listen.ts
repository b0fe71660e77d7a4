/** Parses addresses to listen on, in the notation of OpenSIPS's `socket`: `udp:10.0.0.1:5060 as 203.0.113.7:5060`. */
import { isIP } from 'node:net'
import { defaultPort, hostPort, TRANSPORTS, type TransportName } from './transport.ts'

export interface ListenAddress {
  readonly transport: TransportName
  readonly ip: string
  /** 0 means any free port. */
  readonly port: number
  /** The text as configured. */
  readonly text: string
  /** Returns what peers are told, given the port that the socket listens on. */
  sentBy(port: number): string
}

const HOST = /\[[0-9A-Fa-f:.]+\]|[^\s:[\]]+/.source
const LISTEN = new RegExp(`^(\\w+):(${HOST})(?::(\\d{1,5}))?(?:\\s+as\\s+(${HOST})(?::(\\d{1,5}))?)?$`)

/** @throws Error that says what is wrong with the text */
export function parseListen(text: string): ListenAddress {
  const [, name, host, port, advertised, advertisedPort] = LISTEN.exec(text.trim()) ?? []
  const transport = TRANSPORTS.find((known) => known === name?.toLowerCase())
  const ip = host?.replace(/^\[|\]$/g, '') ?? ''
  const number = port === undefined && transport !== undefined ? defaultPort(transport) : Number(port)
  if (transport === undefined || isIP(ip) === 0 || number > 65_535) {
    throw new Error(
      `${JSON.stringify(text)} is no address to listen on; write one such as udp:192.0.2.1:5060 or tls:[2001:db8::1]:5061 as proxy.example.com`,
    )
  }
  if (advertised === undefined && /^(0\.0\.0\.0|[0:]+)$/.test(ip)) {
    throw new Error(
      `${JSON.stringify(text)} listens on all addresses: say which one peers are to use, as in "${text} as 192.0.2.1"`,
    )
  }
  const shownPort = advertisedPort === undefined ? undefined : Number(advertisedPort)
  const shownHost = advertised?.replace(/^\[|\]$/g, '') ?? ip
  return { transport, ip, port: number, text, sentBy: (bound) => hostPort(shownHost, shownPort ?? bound) }
}

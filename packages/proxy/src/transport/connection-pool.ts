import type { Clock } from '../clock.ts'
import type { Guard } from '../guard.ts'
import type { ConnectionCount, ConnectionLimits } from './limits.ts'
import type { Receiver } from './transport.ts'

/** What the stream transports of one proxy share. */
export interface ConnectionPool {
  readonly limits: ConnectionLimits
  readonly count: ConnectionCount
  readonly clock: Clock
  readonly receiver: Receiver
  readonly guard: Guard
}

/** Returns the key of a connection. */
export function flowKey(ip: string, port: number): string {
  return `${ip} ${port}`
}

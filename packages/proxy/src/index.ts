/// <reference types="node" preserve="true" />
/**
 * A transaction-stateful SIP proxy (RFC 3261) whose routing logic is a script.
 *
 * @module @siplet/proxy
 */

export { type Clock, systemClock } from './clock.ts'
export { type ProxyConfig, type ProxyOptions, parseProxyConfig, readProxyConfig } from './config.ts'
export { PROXY_ERRORS, ProxyError, type ProxyErrorCode } from './errors.ts'
export { type RehearsalHost, rehearsalFunctions } from './functions/rehearsal.ts'
export { BOUNDARIES, type Boundary, type FaultInjector } from './guard.ts'
export { createProxy, engineFor, type ProxyLoad, type ProxyParts, type SIPProxy } from './proxy.ts'
export { locate } from './target/locate.ts'
export type { NaptrRecord, Records, SrvRecord } from './target/records.ts'
export { serverKey } from './transaction/key.ts'
export { type ServerTransaction, TransactionLayer } from './transaction/layer.ts'
export { TIMERS, type TimerValues } from './transaction/timer-values.ts'
export type { ConnectionLimits } from './transport/limits.ts'
export { type ListenAddress, parseListen } from './transport/listen.ts'
export type { Flow, Receiver, Target, Transport, TransportName } from './transport/transport.ts'
export { Transports } from './transport/transports.ts'
export { trySockets } from './try-sockets.ts'

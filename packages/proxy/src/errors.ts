/** Every error that the proxy itself raises: when it happens and what to do about it. Codes are stable. */
export const PROXY_ERRORS = {
  ERR_SIPLET_PROXY_CONFIG:
    'the configuration is incomplete or wrong; the message names the option and the value',
  ERR_SIPLET_PROXY_LISTEN: 'a socket cannot be opened; the message names the socket and the reason',
  ERR_SIPLET_PROXY_NO_TRANSPORT: 'no socket of that transport and address family is open; add one to listen',
  ERR_SIPLET_PROXY_NO_TARGET:
    'a URI leads to no address: its host name does not resolve, or its scheme is not sip or sips',
  ERR_SIPLET_PROXY_SEND: 'a message could not be sent: the connection was refused, reset, or timed out',
} as const

export type ProxyErrorCode = keyof typeof PROXY_ERRORS

/**
 * Returns an ERR_SIPLET_PROXY_LISTEN error. The text is the same for every kind of socket.
 *
 * @param what the socket as it was configured
 * @param cause error of the system, kept as the cause
 */
export function cannotListen(what: string, cause: NodeJS.ErrnoException): ProxyError {
  const reason = REASONS[cause.code ?? ''] ?? cause.message
  return new ProxyError('ERR_SIPLET_PROXY_LISTEN', `cannot listen on ${what}: ${reason}`, { cause })
}

const REASONS: Record<string, string> = {
  EADDRINUSE: 'the port is in use',
  EADDRNOTAVAIL: 'this host has no such address',
  EACCES: 'the system does not allow it; ports below 1024 need CAP_NET_BIND_SERVICE',
  ENOTFOUND: 'the name does not resolve',
}

/** `code` is one of {@link PROXY_ERRORS}. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError'
  readonly code: ProxyErrorCode

  constructor(code: ProxyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

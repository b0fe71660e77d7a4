/** Resolves a URI to addresses, in the order in which to try them (RFC 3263 section 4). */
import { isIP } from 'node:net'
import { plainHost, type URI } from '@siplet/sipmsg'
import { ProxyError } from '../errors.ts'
import { defaultPort, isSecure, type Target, TRANSPORTS, type TransportName } from '../transport/transport.ts'
import type { Records, SrvRecord } from './records.ts'

/** What the sockets of the proxy can reach. */
export interface Reach {
  supports(transport: TransportName, family: number): boolean
}

/** Upper bounds, because DNS may list any number of records: targets that are tried, and names that are looked up. */
const MAX_TARGETS = 12
const MAX_LOOKUPS = 24

export function dnsTimeout(host: string, ms: number): ProxyError {
  return new ProxyError('ERR_SIPLET_PROXY_NO_TARGET', `${host} leads nowhere: DNS did not answer in ${ms} ms`)
}

const HOST_NAME = /(?:^|\.)[a-z][^.]*\.?$/i

/**
 * Returns whether DNS may be asked for this name: its last label begins with a letter (RFC 3261 section 25.1). The
 * system's resolver takes other texts for addresses: 2130706433, 0x7f.1 and 0 for this machine (inet_aton(3)).
 */
export function isHostName(host: string): boolean {
  return HOST_NAME.test(host)
}

/** NAPTR services (section 4.1, RFC 7118 section 4.2). */
const SERVICES: Record<string, TransportName> = {
  'sip+d2u': 'udp',
  'sip+d2t': 'tcp',
  'sips+d2t': 'tls',
}

/** SRV names of the transports, in our order of preference where there is no NAPTR record (section 4.1). */
const SRV: Partial<Record<TransportName, string>> = { udp: '_sip._udp', tcp: '_sip._tcp', tls: '_sips._tcp' }

/**
 * Returns the target of a URI with a numeric host. Undefined if the host is a name, or if the transport is none of
 * ours.
 */
export function numericTarget(uri: URI): Target | undefined {
  const ip = hostOf(uri)
  if (isIP(ip) === 0 || !hasKnownTransport(uri)) return undefined
  const transport = statedTransport(uri) ?? (uri.scheme === 'sips' ? 'tls' : 'udp')
  return { transport, ip, port: uri.port ?? defaultPort(transport) }
}

/**
 * Returns all targets of a URI. Targets that no socket can reach are left out.
 *
 * @param random returns 0..1, for the weights of SRV records
 * @throws ProxyError ERR_SIPLET_PROXY_NO_TARGET
 */
export async function locate(
  uri: URI,
  records: Records,
  reach: Reach,
  random = Math.random,
): Promise<Target[]> {
  const numeric = numericTarget(uri)
  const targets = numeric === undefined ? await named(uri, records, reach, random) : [numeric]
  const reachable = targets.filter(({ transport, ip }) => reach.supports(transport, isIP(ip)))
  if (reachable.length > 0) return reachable
  const reason =
    targets.length === 0
      ? 'DNS has no address for it'
      : `no socket is open for ${targets[0]!.transport} to ${targets[0]!.ip}`
  throw new ProxyError('ERR_SIPLET_PROXY_NO_TARGET', `${hostOf(uri)} leads nowhere: ${reason}`)
}

async function named(uri: URI, records: Records, reach: Reach, random: () => number): Promise<Target[]> {
  const host = hostOf(uri)
  const secure = uri.scheme === 'sips'
  const stated = statedTransport(uri)
  if (!isHostName(host)) {
    const text = `${host} leads nowhere: the last part of a host name begins with a letter (RFC 3261 section 25.1)`
    throw new ProxyError('ERR_SIPLET_PROXY_NO_TARGET', text)
  }
  try {
    if (uri.port !== null) {
      return await addresses(host, uri.port, stated ?? (secure ? 'tls' : 'udp'), records, host)
    }
    const candidates =
      stated === undefined ? await services(host, secure, records, reach) : srvOf(host, [stated])
    const targets: Target[] = []
    let lookups = 0
    for (const { transport, name } of candidates) {
      if (lookups++ >= MAX_LOOKUPS) break
      for (const { name: target, port } of ordered(await records.srv(name), random)) {
        if (targets.length >= MAX_TARGETS || lookups++ >= MAX_LOOKUPS) break
        targets.push(...(await addresses(target, port, transport, records, host)))
      }
    }
    if (targets.length > 0) return targets.slice(0, MAX_TARGETS)
    const transport = stated ?? (secure ? 'tls' : 'udp')
    return await addresses(host, defaultPort(transport), transport, records, host)
  } catch (error) {
    const reason = (error as Error).message
    throw new ProxyError('ERR_SIPLET_PROXY_NO_TARGET', `${host} leads nowhere: ${reason}`, { cause: error })
  }
}

/** Returns transports and SRV names: those of the NAPTR records or, if there are none, those of our transports. */
async function services(host: string, secure: boolean, records: Records, reach: Reach) {
  const reachable = (transport: TransportName | undefined): transport is TransportName =>
    transport !== undefined &&
    (reach.supports(transport, 4) || reach.supports(transport, 6)) &&
    (!secure || isSecure(transport))
  const naptr = [...(await records.naptr(host))]
    .sort((a, b) => a.order - b.order || a.preference - b.preference)
    .map(({ service, replacement }) => ({ transport: SERVICES[service.toLowerCase()], name: replacement }))
    .filter((entry): entry is { transport: TransportName; name: string } => reachable(entry.transport))
  return naptr.length > 0 ? naptr : srvOf(host, TRANSPORTS.filter(reachable))
}

function srvOf(host: string, transports: readonly TransportName[]) {
  return transports.flatMap((transport) => {
    const prefix = SRV[transport]
    return prefix === undefined ? [] : [{ transport, name: `${prefix}.${host}` }]
  })
}

/** Returns the records with the lowest priority first. Records of equal priority are drawn by weight (RFC 2782). */
function ordered(records: readonly SrvRecord[], random: () => number): SrvRecord[] {
  const left = [...records]
    .sort((a, b) => a.priority - b.priority || a.weight - b.weight)
    .slice(0, MAX_LOOKUPS)
  const drawn: SrvRecord[] = []
  while (left.length > 0) {
    const same = left.filter(({ priority }) => priority === left[0]!.priority)
    const at = random() * same.reduce((sum, { weight }) => sum + weight, 0)
    let sum = 0
    const next =
      same.find(({ weight }) => {
        sum += weight
        return at < sum
      }) ?? same[0]!
    left.splice(left.indexOf(next), 1)
    drawn.push(next)
  }
  return drawn
}

async function addresses(
  name: string,
  port: number,
  transport: TransportName,
  records: Records,
  host: string,
): Promise<Target[]> {
  const ips = isIP(name) !== 0 ? [name] : HOST_NAME.test(name) ? await records.addresses(name) : []
  return ips.slice(0, MAX_TARGETS).map((ip) => ({ transport, ip, port, host }))
}

/**
 * Returns maddr if present, else the host (section 4). An IPv6 address is returned in the one form that connections are
 * looked up by.
 */
function hostOf(uri: URI): string {
  return plainHost(uri.parameters.get('maddr') || uri.host)
}

/**
 * Returns the transport parameter; undefined without one. For a sips URI, every hop uses TLS, whatever the parameter
 * says (RFC 3261 section 26.2.2).
 *
 * @throws ProxyError ERR_SIPLET_PROXY_NO_TARGET for a transport that is none of ours. Another transport would not be
 * what was asked for.
 */
function statedTransport(uri: URI): TransportName | undefined {
  const stated = uri.parameters.get('transport')?.toLowerCase()
  if (!hasKnownTransport(uri)) {
    const text = `${hostOf(uri)} leads nowhere: there is no transport ${JSON.stringify(stated?.slice(0, 40))}`
    throw new ProxyError('ERR_SIPLET_PROXY_NO_TARGET', text)
  }
  if (uri.scheme !== 'sips' || stated === undefined) return stated as TransportName | undefined
  return stated === 'ws' || stated === 'wss' ? 'wss' : 'tls'
}

function hasKnownTransport({ parameters }: URI): boolean {
  const stated = parameters.get('transport')?.toLowerCase()
  return stated === undefined || TRANSPORTS.some((transport) => transport === stated)
}

/** DNS look-ups of RFC 3263, cached. Tests bring their own records. */
import { lookup, Resolver } from 'node:dns/promises'
import { LRUCache } from 'lru-cache'
import { newestFirst } from './newest-first.ts'

export interface NaptrRecord {
  order: number
  preference: number
  service: string
  replacement: string
}

export interface SrvRecord {
  priority: number
  weight: number
  name: string
  port: number
}

/** Each function resolves to an empty list if there is no such record, and rejects if DNS gives no answer. */
export interface Records {
  naptr(name: string): Promise<NaptrRecord[]>
  srv(name: string): Promise<SrvRecord[]>
  /** IPv4 and IPv6 addresses, in the order to try them. */
  addresses(name: string): Promise<string[]>
}

const ABSENT = ['ENOTFOUND', 'ENODATA', 'EAI_NODATA', 'EAI_NONAME']
/** Time that results are cached. Node returns no TTL for these records. */
const CACHE_MS = 30_000
const CACHED_NAMES = 1_000
/** Time that failures are cached, so that a dead server is not asked again for each call. */
const FAILURE_CACHE_MS = 2_000
/**
 * Upper bound on parallel calls of lookup(). Each occupies one of the four threads of libuv's pool for as long as the
 * system's resolver takes.
 */
const MAX_LOOKUPS = 3
const MAX_WAITING = 256

/** Returns DNS through Node. For addresses, names of the hosts file are found as well. */
export function systemRecords(): Records {
  const resolver = new Resolver({ timeout: 1_500, tries: 2 })
  const found = async (name: string) => (await lookup(name, { all: true })).map(({ address }) => address)
  return {
    naptr: cached((name) => resolver.resolveNaptr(name)),
    srv: cached((name) => resolver.resolveSrv(name)),
    addresses: cached(newestFirst(MAX_LOOKUPS, MAX_WAITING, found)),
  }
}

/** Caches results and failures. Calls during a look-up share its answer. */
function cached<T>(resolve: (name: string) => Promise<T[]>): (name: string) => Promise<T[]> {
  const cache = new LRUCache<string, Promise<T[]>>({ max: CACHED_NAMES, ttl: CACHE_MS })
  return (name) => {
    const key = name.toLowerCase()
    const known = cache.get(key)
    if (known !== undefined) return known
    const found = resolve(name).catch((error) => {
      if (ABSENT.includes(error.code)) return []
      cache.set(key, found, { ttl: FAILURE_CACHE_MS })
      throw error
    })
    cache.set(key, found)
    return found
  }
}

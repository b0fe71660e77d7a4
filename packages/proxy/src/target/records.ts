/** What RFC 3263 asks DNS for, cached; tests bring records of their own. */
import { lookup, resolveNaptr, resolveSrv } from 'node:dns/promises'
import { LRUCache } from 'lru-cache'

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

/** Each resolves to an empty list where there is no such record, and rejects where DNS cannot tell. */
export interface Records {
  naptr(name: string): Promise<NaptrRecord[]>
  srv(name: string): Promise<SrvRecord[]>
  /** IPv4 and IPv6 addresses, in the order to be tried. */
  addresses(name: string): Promise<string[]>
}

const ABSENT = ['ENOTFOUND', 'ENODATA', 'EAI_NODATA', 'EAI_NONAME']
/** Node tells no TTL for these records. */
const CACHE_MS = 30_000
const CACHED_NAMES = 1_000

/** DNS through Node; names of the hosts file count as addresses. */
export function systemRecords(): Records {
  return {
    naptr: cached(resolveNaptr),
    srv: cached(resolveSrv),
    addresses: cached(async (name) => (await lookup(name, { all: true })).map(({ address }) => address)),
  }
}

function cached<T>(resolve: (name: string) => Promise<T[]>): (name: string) => Promise<T[]> {
  const cache = new LRUCache<string, T[]>({ max: CACHED_NAMES, ttl: CACHE_MS })
  return async (name) => {
    const key = name.toLowerCase()
    const known = cache.get(key)
    if (known !== undefined) return known
    const found = await resolve(key).catch((error) => {
      if (ABSENT.includes(error.code)) return []
      throw error
    })
    cache.set(key, found)
    return found
  }
}

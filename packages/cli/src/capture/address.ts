import ipaddr from 'ipaddr.js'

/** Number of addresses of each version that are cached. Beyond it, the cache is emptied. */
const KNOWN_LIMIT = 10_000
const IPV4_LENGTH = 4
/** IPv4 addresses as text, by the address as a number. */
const knownIPv4 = new Map<number, string>()
/** IPv6 addresses as text, by the bytes as one-byte text. */
const knownIPv6 = new Map<string, string>()

/**
 * Returns the IP address at an offset as text; IPv6 as in RFC 5952. A capture has few addresses, each many times, so
 * results are cached.
 *
 * @param length 4 or 16 bytes
 */
export function addressText(bytes: Buffer, at: number, length: number): string {
  return length === IPV4_LENGTH
    ? known(knownIPv4, bytes.readUInt32BE(at), bytes, at, length)
    : known(knownIPv6, bytes.toString('latin1', at, at + length), bytes, at, length)
}

function known<K>(texts: Map<K, string>, key: K, bytes: Buffer, at: number, length: number): string {
  let text = texts.get(key)
  if (text === undefined) {
    const address = ipaddr.fromByteArray([...bytes.subarray(at, at + length)])
    text = address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString()
    if (texts.size >= KNOWN_LIMIT) texts.clear()
    texts.set(key, text)
  }
  return text
}

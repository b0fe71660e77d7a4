/** IP addresses as written in URIs and Via. One IPv6 address has many spellings (RFC 5954 section 4.2). */

/**
 * Returns whether the text is an IPv6 address (RFC 3986 section 3.2.2) without brackets. Three colons before an IPv4
 * address, as the grammar of RFC 3261 required, count as two (RFC 5118 section 4.10). A zone is not part of the
 * grammar.
 */
export function isIPv6(text: string): boolean {
  return ipv6Groups(text) !== null
}

/**
 * Returns a host in one form for all of its spellings: names and hexadecimal digits in lower case, an IPv6 reference as
 * in RFC 5952 section 4, in brackets. Any other text is returned in lower case.
 */
export function canonicalHost(host: string): string {
  if (!host.startsWith('[') || !host.endsWith(']')) return host.toLowerCase()
  const groups = ipv6Groups(host.slice(1, -1))
  return groups === null ? host.toLowerCase() : `[${ipv6Text(groups)}]`
}

/**
 * Returns a host as an address or name to compare and to connect to: {@link canonicalHost} without brackets, and
 * without the dot that may end a name. An IPv4-mapped IPv6 address becomes the IPv4 address, because both reach the
 * same peer.
 */
export function plainHost(host: string): string {
  const groups = ipv6Groups(host.startsWith('[') ? host.slice(1, -1) : host)
  if (groups === null) return host.toLowerCase().replace(/\.$/, '')
  const [high, low] = groups.slice(6) as [number, number]
  const mapped = groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)
  return mapped ? [high >> 8, high & 255, low >> 8, low & 255].join('.') : ipv6Text(groups)
}

/** Returns the eight groups; null if the text is no IPv6 address. */
function ipv6Groups(text: string): number[] | null {
  // The longest address has 45 characters. Host names contain no colon.
  if (text.length > 46 || !text.includes(':')) return null
  const halves = text.replace(/:::(?=\d+\.[\d.]+$)/, '::').split('::')
  if (halves.length > 2) return null
  const [front, back] = halves.map((half, index) => groupsOf(half, index === halves.length - 1))
  if (front === null || front === undefined || back === null) return null
  if (back === undefined) return front.length === 8 ? front : null
  const missing = 8 - front.length - back.length
  return missing < 1 ? null : [...front, ...new Array<number>(missing).fill(0), ...back]
}

function groupsOf(half: string, last: boolean): number[] | null {
  if (half === '') return []
  const groups: number[] = []
  const parts = half.split(':')
  for (const [place, part] of parts.entries()) {
    const bytes = last && place === parts.length - 1 ? ipv4Bytes(part) : null
    if (bytes !== null) groups.push((bytes[0]! << 8) | bytes[1]!, (bytes[2]! << 8) | bytes[3]!)
    else if (/^[0-9A-Fa-f]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16))
    else return null
  }
  return groups
}

function ipv4Bytes(text: string): number[] | null {
  const parts = text.split('.')
  const good = parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)
  return good ? parts.map(Number) : null
}

/**
 * Formats an address as RFC 5952 section 4 says: without leading zeros, and with the first longest run of two or more
 * zero groups left out.
 */
function ipv6Text(groups: readonly number[]): string {
  let start = -1
  let length = 1
  for (let at = 0; at < 8; at++) {
    let end = at
    while (groups[end] === 0) end++
    if (end - at > length) [start, length] = [at, end - at]
    at = Math.max(at, end)
  }
  const hex = groups.map((group) => group.toString(16))
  if (start === -1) return hex.join(':')
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`
}

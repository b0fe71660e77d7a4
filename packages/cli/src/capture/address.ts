import ipaddr from 'ipaddr.js'

const KNOWN_LIMIT = 10_000
const known = new Map<string, string>()

/** An IP address of 4 or 16 bytes as text; IPv6 as RFC 5952 has it. A capture has few addresses, many times. */
export function addressText(bytes: Buffer): string {
  const key = bytes.toString('latin1')
  let text = known.get(key)
  if (text === undefined) {
    const address = ipaddr.fromByteArray([...bytes])
    text = address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString()
    if (known.size >= KNOWN_LIMIT) known.clear()
    known.set(key, text)
  }
  return text
}

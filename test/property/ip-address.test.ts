import assert from 'node:assert/strict'
import { SocketAddress } from 'node:net'
import { canonicalHost, equalURIs, isIPv6, plainHost } from '@siplet/sipmsg'
import fc from 'fast-check'

const group = fc.integer({ min: 0, max: 0xffff })
const zeroOften = fc.oneof(fc.constant(0), group)
const groups = fc.array(zeroOften, { minLength: 8, maxLength: 8 })

/**
 * Returns the address in another spelling: with leading zeros, in upper case, with `::` anywhere, or with IPv4 at the
 * end.
 */
function spelled(
  address: readonly number[],
  zeros: boolean,
  upper: boolean,
  gap: number,
  ipv4: boolean,
): string {
  const text = address.map((one) => one.toString(16).padStart(zeros ? 4 : 1, '0'))
  if (ipv4) {
    const [high, low] = address.slice(6) as [number, number]
    text.splice(6, 2, [high >> 8, high & 255, low >> 8, low & 255].join('.'))
  }
  let end = gap
  while (end < Math.min(text.length, 6) && address[end] === 0) end++
  const whole = end > gap ? `${text.slice(0, gap).join(':')}::${text.slice(end).join(':')}` : text.join(':')
  return upper ? whole.toUpperCase() : whole
}

describe('IPv6 addresses (RFC 5954 section 4.2)', () => {
  it('have one canonical form in all spellings, which is that of RFC 5952', () => {
    fc.assert(
      fc.property(
        groups,
        fc.boolean(),
        fc.boolean(),
        fc.nat(6),
        fc.boolean(),
        (address, zeros, upper, gap, ipv4) => {
          const full = address.map((one) => one.toString(16)).join(':')
          const other = spelled(address, zeros, upper, gap, ipv4)
          assert.ok(isIPv6(other), other)
          assert.equal(canonicalHost(`[${other}]`), canonicalHost(`[${full}]`))
          assert.ok(equalURIs(`sip:a@[${other}]`, `SIP:a@[${full}]`))
          assert.equal(plainHost(`[${other}]`), plainHost(full))
          // Node writes IPv4-compatible and -mapped addresses with dots.
          const theirs = new SocketAddress({ address: other, family: 'ipv6' }).address
          if (!theirs.includes('.')) assert.equal(canonicalHost(`[${other}]`), `[${theirs}]`)
        },
      ),
    )
  })

  it('differ if one group differs', () => {
    fc.assert(
      fc.property(groups, fc.nat(7), group, (address, at, value) => {
        fc.pre(address[at] !== value)
        const text = (all: readonly number[]) => all.map((one) => one.toString(16)).join(':')
        assert.notEqual(
          canonicalHost(`[${text(address)}]`),
          canonicalHost(`[${text(address.with(at, value))}]`),
        )
      }),
    )
  })

  it('leave other texts unchanged, in lower case', () => {
    for (const host of [
      '[1]',
      '[::1%eth0]',
      '[:::]',
      '[1::2::3]',
      '[::1',
      '::1]',
      'EXAMPLE.com',
      '1.2.3.4',
      '',
      '[]',
    ])
      assert.equal(canonicalHost(host), host.toLowerCase())
  })

  it('that are IPv4-mapped become the IPv4 address', () => {
    for (const host of ['[::ffff:1.2.3.4]', '::FFFF:102:304', '[0:0:0:0:0:ffff:0102:0304]', '1.2.3.4'])
      assert.equal(plainHost(host), '1.2.3.4')
    assert.equal(plainHost('Example.COM.'), 'example.com')
  })
})

/** Number prefix routing: numbers are converted to one form, and the longest prefix chooses the gateway. */
import type { Handler, SIPMsg } from '@siplet/engine/script'

const COUNTRY = '+49'

const GATEWAYS = new Map([
  ['+4930', 'sip:192.0.2.30:5060'],
  ['+49', 'sip:192.0.2.49:5060'],
  ['+', 'sip:192.0.2.1:5060'],
])
const LONGEST_PREFIX = 5

class PrefixRouting implements Handler {
  child_init(_rank: number): number {
    return 0
  }

  request_route(msg: SIPMsg): number {
    if (msg.Method !== 'INVITE') return 1
    const [, dialled, rest] = /^sip:(\+?\d+)(@.*)$/.exec(msg.RURI) ?? []
    if (dialled === undefined || rest === undefined) return 1 // a name, not a number
    const number = international(dialled)
    if (number !== dialled) msg.rewrite_ruri(`sip:${number}${rest}`)
    for (let length = LONGEST_PREFIX; length > 0; length--) {
      const gateway = GATEWAYS.get(number.slice(0, length))
      if (gateway === undefined) continue
      msg.set_dst_uri(gateway)
      return 1
    }
    return -1 // no gateway for this number
  }
}

/**
 * 00 and 0 are the international and the national prefix. A number without them is an extension and stays unchanged.
 */
function international(dialled: string): string {
  if (dialled.startsWith('00')) return `+${dialled.slice(2)}`
  if (dialled.startsWith('0')) return COUNTRY + dialled.slice(1)
  return dialled
}

export function mod_init(): PrefixRouting {
  return new PrefixRouting()
}
